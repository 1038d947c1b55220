"""Where training keeps what it makes: in a run directory, or in memory."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Protocol

from torch import Tensor

from latentscape.config import Recipe
from latentscape.core.files import write_bytes
from latentscape.runs import SCHEMA, Run, pack_model, seal
from latentscape.runs.facts import Epoch, Event, History
from latentscape.runs.starting import EarlierModel
from latentscape.training.checkpoint import Checkpoint, CheckpointFolder


class Checkpoints(Protocol):
    """The checkpoints that training can return to."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, beside the last one at the end of an epoch."""

    def latest(self, *, epoch_end: bool = False) -> Checkpoint | None:
        """Return the newest checkpoint, or the newest at the end of an epoch; None without any."""


class Storage(Protocol):
    """What training reads first, and where it keeps the rest.

    Attributes
    ----------
    name : str
        What messages call the run.
    recipe : Recipe
        The resolved recipe.
    identity : str
        Names settings, data and format. A checkpoint of another identity is refused.
    threads : int or None
        Threads that the run began with; None where the number does not matter.
    checkpoints : Checkpoints
        For a resume and for roll-backs.
    snapshots : Path or None
        Folder for snapshots; None keeps none.
    resume_hint : str
        Tells a user how to go on after an interrupt; empty where that is not possible.
    """

    name: str
    recipe: Recipe
    identity: str
    threads: int | None
    checkpoints: Checkpoints
    snapshots: Path | None
    resume_hint: str

    @property
    def history(self) -> History:
        """The epochs, as last written."""

    def earlier_weights(self) -> Mapping[str, Tensor]:
        """Return the weights to begin with, as far as they fit; none where all are drawn."""

    def owned(self) -> AbstractContextManager[None]:
        """Let nobody else write here meanwhile; refuse where something else is kept by now."""

    def write_log(self, history: Sequence[Epoch], events: Sequence[Event]) -> None:
        """Replace the records of all epochs and of all events."""

    def write_model(self, weights: Mapping[str, Tensor], label_names: Iterable[str]) -> None:
        """Keep the trained model."""


class RunStorage:
    """Keeps everything in a run directory; see `Storage`.

    Parameters
    ----------
    run : Run
        Made by `create_run`.
    """

    snapshots: Path | None

    def __init__(self, run: Run) -> None:
        self.run, self.name, self.recipe = run, run.name, run.recipe
        # As at the start: a run that is extended goes on from the checkpoints that it has.
        self.identity = f"{SCHEMA}-{run.first_fingerprint}"
        self.threads = run.environment.threads
        self.checkpoints: Checkpoints = CheckpointFolder(run.checkpoints, self.owned)
        self.snapshots = run.snapshots
        self.resume_hint = f"It is saved. To go on: latentscape train --resume {run.path} "

    @property
    def history(self) -> History:
        """The epochs, read from ``history.jsonl``."""
        return self.run.history

    def earlier_weights(self) -> Mapping[str, Tensor]:
        """Read the weights that ``start.json`` names, from where they were."""
        start = self.run.start
        return {} if start is None else EarlierModel.of(start).weights

    def owned(self) -> AbstractContextManager[None]:
        """Own the run directory; see `latentscape.runs.Run.owned`."""
        return self.run.owned("trained")

    def write_log(self, history: Sequence[Epoch], events: Sequence[Event]) -> None:
        """Write ``history.jsonl``, and ``events.jsonl`` where there are events."""
        self.run.write_log(history, events)

    def write_model(self, weights: Mapping[str, Tensor], label_names: Iterable[str]) -> None:
        """Write the model file, once it is noted which one belongs to the run."""
        data = self.run.data.fingerprint
        content, checksum = pack_model(weights, self.recipe, label_names, data=data)
        with self.owned():
            seal(self.run.path, checksum)
            write_bytes(self.run.model_file, content)


class MemoryStorage:
    """Keeps nothing on disk: one checkpoint to roll back to, and the history; see `Storage`.

    Parameters
    ----------
    name : str
        What messages call the run.
    recipe : Recipe
        The resolved recipe.
    earlier : mapping of str to Tensor, optional
        The weights to begin with.
    """

    identity = ""
    threads: int | None = None
    snapshots: Path | None = None
    resume_hint = ""

    def __init__(
        self, name: str, recipe: Recipe, earlier: Mapping[str, Tensor] | None = None
    ) -> None:
        self.name, self.recipe, self._earlier = name, recipe, earlier or {}
        self.checkpoints: Checkpoints = MemoryCheckpoints()
        self.history = History(epochs=())

    def earlier_weights(self) -> Mapping[str, Tensor]:
        """Return the weights to begin with."""
        return self._earlier

    def owned(self) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return nullcontext()

    def write_log(self, history: Sequence[Epoch], events: Sequence[Event]) -> None:
        """Remember the history."""
        self.history = History(epochs=tuple(history))

    def write_model(self, weights: Mapping[str, Tensor], label_names: Iterable[str]) -> None:
        """Do nothing: whoever trains has the network itself."""


class MemoryCheckpoints:
    """The last checkpoint at the end of an epoch; those within an epoch serve a resume only."""

    def __init__(self) -> None:
        self._checkpoint: Checkpoint | None = None

    def save(self, checkpoint: Checkpoint) -> None:
        """Copy a checkpoint: on the CPU its tensors are those that training changes in place."""
        if checkpoint.state.step == 0:
            self._checkpoint = deepcopy(checkpoint)

    def latest(self, *, epoch_end: bool = False) -> Checkpoint | None:
        """Return a copy, because training changes what it returns to in place."""
        return deepcopy(self._checkpoint)
