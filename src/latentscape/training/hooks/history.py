"""The history and the model of a run, in its directory."""

from latentscape.core.files import write_bytes
from latentscape.core.records import Split
from latentscape.runs import Run, pack_model, seal
from latentscape.runs.facts import Event
from latentscape.training.hook import Hook, Training


class History(Hook):
    """Writes what was measured after each epoch, and what went wrong, into the logs of a run."""

    essential = True

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_start(self, training: Training) -> None:
        """Forget epochs of which there is no checkpoint."""
        if self._run.history.epochs or self._run.events or training.state.history:
            self._write(training)

    def on_epoch(self, training: Training) -> None:
        """Add an epoch."""
        self._write(training)

    def on_event(self, training: Training, event: Event) -> None:
        """Add an event."""
        self._write(training)

    def _write(self, training: Training) -> None:
        self._run.write_log(training.state.history, training.state.events)


class Ownership(Hook):
    """Ends training, before other hooks write, where the run was moved or replaced meanwhile."""

    essential = True

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_epoch(self, training: Training) -> None:
        """Look whether the run still is the same."""
        with self._run.owned("trained"):
            pass


class ModelFile(Hook):
    """Writes the model in the end, once it is noted which one belongs to the run.

    It comes after the hook that puts the best weights back.
    """

    essential = True

    def __init__(self, run: Run, split: Split) -> None:
        self._run, self._names = run, split.dataset.label_names

    def on_end(self, training: Training) -> None:
        """Write it."""
        run, weights = self._run, training.model.state_dict()
        data = run.data.fingerprint
        content, checksum = pack_model(weights, run.recipe, self._names, data=data)
        with run.owned("trained"):
            seal(run.path, checksum)
            write_bytes(run.model_file, content)
