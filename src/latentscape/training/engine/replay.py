"""Steps that are captured once, with all that they do to memory, and replayed after that.

A small network spends most of a step on deciding what to compute: modules, autograd, autocast. The
decisions are the same at every step, so they are recorded once. A captured step reads its inputs
from fixed places in memory: batches are copied there, and whatever changes from step to step
(weights, moments, the learning rate) is a tensor that stays at its place.
"""

from collections import Counter
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from latentscape.training.loader import Batch

WARM_UPS = 3
"""Steps that are taken as usual first: optimizers create their state, libraries choose kernels."""

Results = TypeVar("Results")

Step = Callable[[Batch], Tensor]
"""From a batch to its losses, (1 + terms,)."""


class Capture(Protocol):
    """A way to capture computations."""

    def warm_up(self, compute: Callable[[], Results]) -> Results:
        """Compute as usual, in a way that prepares for `capture`."""
        ...

    def capture(
        self, compute: Callable[[], Results]
    ) -> tuple[Results, Callable[[], Results] | None]:
        """Compute, and record how.

        Returns
        -------
        Tensor or tuple of Tensor
            The result.
        callable or None
            Computes the same again; None if a replay could give something else.
        """
        ...


class ReplayedStep(Generic[Results]):
    """A step that is replayed where that is possible; captured once for each size of a batch.

    Parameters
    ----------
    step : callable
        From a batch to its losses, or to several tensors. It reads nothing but its batch and
        tensors that stay at their places.
    capture : Capture
        How.

    Attributes
    ----------
    sizes : set of int
        Sizes of the batches whose steps are replayed.
    """

    def __init__(self, step: Callable[[Batch], Results], capture: Capture) -> None:
        self._step = step
        self._capture: Capture | None = capture
        self._warm_ups = Counter[int]()
        self._replays: dict[int, tuple[Batch, Callable[[], Results]]] = {}

    @property
    def sizes(self) -> set[int]:
        """Sizes of the batches whose steps are replayed."""
        return set(self._replays)

    def __call__(self, batch: Batch) -> Results:
        """Take a step."""
        size = len(batch)
        if size in self._replays:
            inputs, replay = self._replays[size]
            inputs.copy_(batch)
            return replay()
        if self._capture is None:
            return self._step(batch)
        self._warm_ups[size] += 1
        if self._warm_ups[size] <= WARM_UPS:
            return self._capture.warm_up(lambda: self._step(batch))
        return self._captured(batch, self._capture)

    def _captured(self, batch: Batch, capture: Capture) -> Results:
        """Take a step and capture it, on a copy of the batch that later batches overwrite."""
        inputs = batch.clone()
        losses, replay = capture.capture(lambda: self._step(inputs))
        if replay is None:
            # A step that cannot be replayed at one size cannot at another: do not try again. Graphs
            # of other sizes would draw from the generator that a failed capture has left behind.
            self._capture = None
            self._replays.clear()
        else:
            self._replays[len(batch)] = inputs, replay
        return losses
