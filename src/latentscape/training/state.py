"""Where training stands, and the records that it writes of its epochs and events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]
"""A line of history.jsonl or events.jsonl; `epoch_record` and `event_record` alone make them."""


@dataclass
class TrainState:
    """Where training stands: everything that a resume needs and that is not a tensor.

    Checkpoints hold its fields by name.

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
    history, events : list of Record
        A record per epoch, and one for each thing that went wrong.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    rate_factor: float = 1.0
    rollbacks: int = 0
    best_loss: float | None = None
    best_epoch: int = 0
    history: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)


def epoch_record(
    state: TrainState,
    rate: float,
    examples: int,
    train: dict[str, float],
    validation: dict[str, float] | None,
    latent: dict[str, float],
) -> Record:
    """Return the line of the history of the epoch that `state` has just completed.

    Parameters
    ----------
    state : TrainState
        Its `seconds` are those of the epoch.
    rate : float
        Learning rate of the last step.
    examples : int
        Trained on in the epoch.
    train, validation : dict of str to float
        Mean loss and terms, in nats per example; of the validation examples also ``mse``, per
        pixel. None where there are no validation examples.
    latent : dict of str to float
        Use of the code, as `Network.diagnose` measures it; left out where there is nothing.
    """
    record = {
        "epoch": state.epoch,
        "lr": rate,
        "seconds": state.seconds,
        "images_per_second": examples / state.seconds,
        "train": train,
        "validation": validation,
    }
    return {**record, "latent": latent} if latent else record


def event_record(epoch: int, what: str) -> Record:
    """Return the line of events.jsonl of something that went wrong in an epoch."""
    return {"epoch": epoch, "what": what}


def rollback_event(state: TrainState, max_rollbacks: int) -> Record:
    """Return the event of a roll-back to the end of the epoch that `state` stands at."""
    return event_record(
        state.epoch + 1,
        f"loss became infinite or NaN; back to the end of epoch {state.epoch}, with "
        f"the learning rate times {state.rate_factor:g} "
        f"(roll-back {state.rollbacks} of {max_rollbacks})",
    )


def latent_measures(history: Sequence[Record]) -> list[dict[str, float]]:
    """Return how the code was used in each epoch; empty where nothing was measured."""
    return [record.get("latent", {}) for record in history]


def is_known(event: Record, events: Iterable[Record]) -> bool:
    """Tell whether the same thing went wrong in an earlier epoch."""
    return any(event["what"] == other["what"] for other in events)
