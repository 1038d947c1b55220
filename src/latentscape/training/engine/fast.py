"""The fast engine: steps that are captured and replayed, optimizers without the compiler."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from latentscape.training.engine.cuda_graphs import CudaGraphCapture
from latentscape.training.engine.operations import OperationCapture
from latentscape.training.engine.optimizers import update, without_compiler
from latentscape.training.engine.replay import Capture, ReplayedStep, Results
from latentscape.training.loader import Batch


class FastEngine:
    """Spares a step the decisions that were made before; see `latentscape.training.engine`."""

    keeps_memory = True

    def building_optimizer(self) -> AbstractContextManager[None]:
        """Keep PyTorch from importing its compiler."""
        return without_compiler()

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights."""
        update(optimizer)

    def repeated(
        self, step: Callable[[Batch], Results], device: torch.device
    ) -> Callable[[Batch], Results]:
        """Return a step that is replayed where the device allows it."""
        capture = capture_on(device)
        return step if capture is None else ReplayedStep(step, capture)


def capture_on(device: torch.device) -> Capture | None:
    """Return how steps are captured on a device; None where they are not."""
    if device.type == "cuda":
        return CudaGraphCapture()
    return OperationCapture() if device.type == "cpu" else None
