"""The plain twin: PyTorch's public interface and nothing else."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from latentscape.training.engine.replay import Results
from latentscape.training.loader import Batch


class PlainEngine:
    """Takes every step as PyTorch's manual writes it; see `latentscape.training.engine.Engine`."""

    keeps_memory = False

    def building_optimizer(self) -> AbstractContextManager[None]:
        """Change nothing."""
        return nullcontext()

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights."""
        optimizer.step()

    def repeated(
        self, step: Callable[[Batch], Results], device: torch.device
    ) -> Callable[[Batch], Results]:
        """Return the step itself."""
        return step
