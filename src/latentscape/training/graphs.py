"""Steps that are captured once, with all that they do to memory, and replayed after that.

What a captured step reads has to stand where it stood: batches are copied into place, and whatever
changes from step to step (weights, moments, the learning rate) is a tensor that stays.
"""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from latentscape.training.batches import Batch

WARM_UPS = 3
"""Steps that are taken as usual first, in which libraries choose how to compute."""

Compute = Callable[[], Tensor]


class Capture(Protocol):
    """How computations are captured."""

    def warm_up(self, compute: Compute) -> Tensor:
        """Compute as usual, in a way that prepares for `capture`."""
        ...

    def capture(self, compute: Compute) -> Compute:
        """Record what is computed; return what replays it and always returns the same tensor."""
        ...


class Graphs:
    """A step, replayed where that is possible; one graph for each size of a batch.

    Parameters
    ----------
    step : callable
        From a batch to its losses; reads nothing else that is not a tensor that stays.
    capture : Capture or None
        None takes every step as usual.
    """

    def __init__(self, step: Callable[[Batch], Tensor], capture: Capture | None) -> None:
        self._step, self._capture = step, capture
        self._taken = Counter[int]()
        self._graphs: dict[int, tuple[Batch, Compute]] = {}

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step."""
        size = len(batch)
        if self._capture is None:
            return self._step(batch)
        if size not in self._graphs:
            self._taken[size] += 1
            if self._taken[size] <= WARM_UPS:
                return self._capture.warm_up(lambda: self._step(batch))
            self._graphs[size] = self._captured(self._capture, batch)
        place, replay = self._graphs[size]
        place.images.copy_(batch.images)
        if place.labels is not None and batch.labels is not None:
            place.labels.copy_(batch.labels)
        return replay()

    def _captured(self, capture: Capture, batch: Batch) -> tuple[Batch, Compute]:
        labels = None if batch.labels is None else batch.labels.clone()
        place = Batch(batch.images.clone(), labels)
        return place, capture.capture(lambda: self._step(place))


class CudaCapture:
    """Captures CUDA graphs: a replay costs one launch, however many operations there are."""

    def warm_up(self, compute: Compute) -> Tensor:
        """Compute on a stream of its own, as capturing does."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = compute()
        torch.cuda.current_stream().wait_stream(stream)
        return result

    def capture(self, compute: Compute) -> Compute:
        """Record a graph; nothing is computed before it is replayed."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = compute()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


def capture_on(device: torch.device) -> Capture | None:
    """Return how steps are captured on a device; None where they are not."""
    return CudaCapture() if device.type == "cuda" else None
