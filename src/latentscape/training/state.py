"""Where training stands."""

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from latentscape.core.errors import TrainingError
from latentscape.core.findings import Json
from latentscape.runs.facts import Epoch, Event


class Diverged(TrainingError):
    """A loss or a weight is no longer finite."""


@dataclass
class TrainState:
    """Where training stands: everything that a resume needs and that is not a tensor.

    Attributes
    ----------
    epoch : int
        Completed epochs.
    step : int
        Completed steps of the epoch after those.
    seconds : float
        Time spent so far in that epoch.
    rate_factor : float
        Factor of the learning rate; every roll-back halves it.
    rollbacks : int
        Roll-backs so far.
    best_loss, best_epoch
        The lowest validation loss and its epoch (early stopping only).
    history : list of Epoch
        What was measured after each epoch.
    events : list of Event
        What went wrong.
    gradients : list of float
        Norms of the gradient at the looks of `Vitals` so far.
    sound_epoch : int
        The epoch whose end a roll-back returns to; 0 stands for the start.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    rate_factor: float = 1.0
    rollbacks: int = 0
    best_loss: float | None = None
    best_epoch: int = 0
    history: list[Epoch] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)
    sound_epoch: int = 0

    def to_json(self) -> Json:
        """Return it as a checkpoint holds it."""
        values: Json = _ADAPTER.dump_python(self)
        return values

    @classmethod
    def of(cls, values: Json) -> "TrainState":
        """Read what a checkpoint holds; a ValidationError if `to_json` writes nothing like it."""
        return _ADAPTER.validate_python(values)


_ADAPTER = TypeAdapter(TrainState)
