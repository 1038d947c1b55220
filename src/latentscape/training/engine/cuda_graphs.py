"""Capture on CUDA devices: one launch replays a whole step."""

import warnings
from collections.abc import Callable

import torch

from latentscape.training.engine.replay import Results


class CudaGraphCapture:
    """Captures CUDA graphs: a replay costs one launch, however many operations it holds.

    All graphs share one pool of memory, which is safe because no two of them run at once.
    """

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, compute: Callable[[], Results]) -> Results:
        """Compute on a side stream, as PyTorch demands of the steps before a capture."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            result = compute()
        torch.cuda.current_stream().wait_stream(self._stream)
        return result

    def capture(
        self, compute: Callable[[], Results]
    ) -> tuple[Results, Callable[[], Results] | None]:
        """Record a graph, which computes nothing yet, and replay it once."""
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph, pool=self._pool):
                result = compute()
        except RuntimeError as error:
            torch.cuda.set_stream(stream)  # A capture that fails may leave its own stream behind.
            warnings.warn(f"Training goes on without a CUDA graph: {error}", stacklevel=2)
            return compute(), None

        def replay() -> Results:
            graph.replay()
            return result

        return replay(), replay
