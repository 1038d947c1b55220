"""Trials of a search: what each is worth by now is told, and one that lags behind stops."""

from collections.abc import Callable
from typing import Protocol

from latentscape.runs.facts import Epoch
from latentscape.training.hook import Hook, Training


class Judge(Protocol):
    """Knows all trials of a search."""

    def tell(self, epoch: int, value: float) -> None:
        """Note what a trial is worth after an epoch."""

    def stops(self) -> bool:
        """Whether the trial lags behind the others."""


class Halving(Hook):
    """Tells what a trial is worth after each epoch, and stops it where it lags behind.

    Successive halving, without waiting for other trials (ASHA, Li et al. 2020): it comes after the
    hook that measures validation examples.

    Parameters
    ----------
    judge : Judge
        Decides.
    read : callable
        From an epoch to what trials are compared by.

    Attributes
    ----------
    has_stopped : bool
        Whether it has stopped the training.
    """

    essential = True

    def __init__(self, judge: Judge, read: Callable[[Epoch], float | None]) -> None:
        self._judge, self._read = judge, read
        self.has_stopped = False

    def on_epoch(self, training: Training) -> None:
        """Tell, and stop; a trial that has come to its end is never stopped."""
        value = self._read(training.last_epoch)
        if value is None:
            return
        self._judge.tell(training.last_epoch.epoch, value)
        if not training.is_complete and self._judge.stops():
            self.has_stopped = True
            training.stop()
