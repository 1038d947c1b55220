"""Checkpoints: training is saved, goes on from where it was saved, and goes back to it."""

import math
import time

from latentscape.core.errors import RunError, TrainingError
from latentscape.runs.facts import Event
from latentscape.training.checkpoint import CheckpointStore
from latentscape.training.hook import Hook, Training

MAX_ROLLBACKS = 3


class Checkpoints(Hook):
    """Saves training at its start, from time to time, when it stops, and after every epoch.

    It comes last, so that what it saves is what all other hooks have left.
    """

    essential = True

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store

    def on_start(self, training: Training) -> None:
        """Save the initial weights, so that the first epoch has something to roll back to."""
        self._saved_at = time.monotonic()
        if not (training.state.epoch or training.state.step):
            self._save(training)

    def on_step(self, training: Training) -> None:
        """Save what has not been saved for long."""
        if time.monotonic() - self._saved_at > training.config.checkpoint_seconds:
            self._save(training)

    def on_pause(self, training: Training) -> None:
        """Save where training stops: a signal may have come after all hooks followed the step."""
        self._save(training)

    def on_epoch(self, training: Training) -> None:
        """Save every epoch."""
        self._save(training)

    def _save(self, training: Training) -> None:
        training.check_finite()
        self._store.save(training.checkpoint(self._store.identity))
        self._saved_at = time.monotonic()


class RollBack(Hook):
    """Goes on from the newest checkpoint; and back to a sound one after losses became NaN.

    Weights are often thrown far away some epochs before the loss is no longer finite. So training
    goes back to the end of the epoch with the lowest training loss. Where losses of epochs
    do not compare, with an adversary or before the objective has settled, it goes back to the last
    one.

    It comes before hooks that look at where training stands when it starts.
    """

    essential = True

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store

    def on_start(self, training: Training) -> None:
        """Go on where training was saved."""
        checkpoint = self._store.latest()
        if checkpoint is not None:
            checkpoint.check(self._store.identity, self._store.name)
            training.restore(checkpoint)

    def on_epoch(self, training: Training) -> None:
        """Note which epoch is sound."""
        state, objective = training.state, training.objective.config
        settled = state.history[math.ceil(objective.settled_at) :]
        state.sound_epoch = state.epoch
        if settled and not objective.is_adversarial:
            state.sound_epoch = min(settled, key=lambda epoch: epoch.train.loss).epoch

    def on_divergence(self, training: Training) -> bool:
        """Return to the end of the sound epoch, with half the learning rate."""
        diverged, name = training.state, self._store.name
        if diverged.rollbacks >= MAX_ROLLBACKS:
            epoch = diverged.epoch + (diverged.step > 0)
            raise TrainingError(
                f"The loss of {name} became infinite or NaN in epoch {epoch} again, after "
                f"{MAX_ROLLBACKS} roll-backs with half the learning rate each",
                fix="Lower train.lr, set train.clip_norm, or look at the data's range.",
            )
        checkpoint = self._store.sound(diverged.sound_epoch)
        if checkpoint is None:
            raise RunError(
                f"The checkpoint of {name} that training would go back to is gone",
                fix="Train anew, and leave the folder of checkpoints alone.",
            )
        training.restore(checkpoint)
        state = training.state
        # The checkpoint may be older than earlier roll-backs and events.
        state.rate_factor, state.rollbacks = diverged.rate_factor / 2, diverged.rollbacks + 1
        state.events = diverged.events
        training.add_event(
            Event(
                epoch=state.epoch + 1,
                kind="rollback",
                back_to=state.epoch,
                rate_factor=state.rate_factor,
                rollback=state.rollbacks,
                max_rollbacks=MAX_ROLLBACKS,
            )
        )
        self._store.save(training.checkpoint(self._store.identity))
        return True
