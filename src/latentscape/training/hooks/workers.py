"""Workers keep together: the first one decides and saves, the others follow."""

from latentscape.core.errors import TrainingError
from latentscape.training.checkpoint import CheckpointFolder, CheckpointStore
from latentscape.training.conversation import CHECKPOINT, OVER, Over, Word
from latentscape.training.hook import Hook, Training
from latentscape.training.hooks.signals import Signals
from latentscape.training.workers import Workers

SAME_FOLDER = "Keep runs in a folder that all workers see: --runs, or the working directory."


class Leading(Hook):
    """Says from which checkpoint all workers go on. It comes after the hook that saves.

    Parameters
    ----------
    workers : Workers
        This one and the others.
    store : CheckpointStore
        Where checkpoints are.
    """

    essential = True

    def __init__(self, workers: Workers, store: CheckpointStore) -> None:
        self._workers, self._store = workers, store

    def on_start(self, training: Training) -> None:
        """Let all begin where this one does."""
        self._share(training)

    def on_divergence(self, training: Training) -> bool:
        """Let all go back to where this one went."""
        self._share(training)
        return False

    def _share(self, training: Training) -> None:
        state, store = training.state, self._store
        if self._workers.count == 1:
            return
        assert isinstance(store, CheckpointFolder)
        self._workers.conversation.say(Word(CHECKPOINT, state.epoch, state.step))
        self._workers.agree(
            "the checkpoint", lambda: store.checksum(state.epoch, state.step), SAME_FOLDER
        )


class Following(Signals):
    """Does in a worker what the first one says; what only looks at training is left to that one.

    Parameters
    ----------
    workers : Workers
        This one and the others.
    store : CheckpointFolder
        Where the first one saves.
    """

    def __init__(self, workers: Workers, store: CheckpointFolder) -> None:
        super().__init__(workers)
        self._store = store

    def on_start(self, training: Training) -> None:
        """Begin where the first one does."""
        super().on_start(training)
        self._follow(training)

    def on_divergence(self, training: Training) -> bool:
        """Go back where the first one does."""
        self._follow(training)
        return True

    def on_epoch(self, training: Training) -> None:
        """After the last epoch, hear whether it was the last."""
        if training.is_complete:
            self._follow(training)

    def _follow(self, training: Training) -> None:
        word = self._workers.conversation.hear()
        if word.kind == OVER:
            raise Over
        if word.kind != CHECKPOINT:
            raise TrainingError("The workers came to different numbers")
        self._workers.agree(
            "the checkpoint", lambda: self._store.checksum(word.epoch, word.step), SAME_FOLDER
        )
        checkpoint = self._store.at(word.epoch, word.step)
        training.restore(checkpoint)
