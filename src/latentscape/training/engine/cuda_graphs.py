"""Capture on CUDA devices: one launch replays a whole step."""

import warnings
from collections.abc import Callable
from functools import cache

import torch

from latentscape.training.engine.replay import Results


class CudaGraphCapture:
    """Captures CUDA graphs: a replay costs one launch, however many operations it holds.

    All graphs share one pool of memory, which is safe because no two of them run at once, and
    because what a step returns is read before the next step.

    Random numbers are those of plain steps: a replay tells its kernels where PyTorch's generator
    of the device stands, and moves it on as far as the same kernels would by themselves.
    """

    def __init__(self) -> None:
        self._stream = _side_stream(torch.cuda.current_device())
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
        # Other threads may use the device meanwhile: the one that fetches batches pins memory.
        # By default that would end the capture, and raise an error in that thread.
        recording = torch.cuda.graph(graph, self._pool, self._stream, "thread_local")
        try:
            with recording:
                result = compute()
        except RuntimeError as error:
            _leave(stream)
            warnings.warn(f"Training goes on without a CUDA graph: {error}", stacklevel=2)
            return compute(), None

        def replay() -> Results:
            graph.replay()
            return result

        return replay(), replay


@cache
def _side_stream(device: int) -> torch.cuda.Stream:
    """Return the stream of all warm-ups and captures on a device.

    There is one for all trainings of a process: cuBLAS keeps memory for each stream that it has
    computed on, and never gives it back.
    """
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _leave(stream: torch.cuda.Stream) -> None:
    """Put back what a capture that failed may leave behind: its stream, and its generator.

    A generator that believes that it is still captured refuses to draw. A copy of its state knows
    of no capture, and stands where it stood before.
    """
    torch.cuda.set_stream(stream)
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())
