"""The plain twin: PyTorch's public interface and nothing else."""

from contextlib import AbstractContextManager, nullcontext

import torch

from latentscape.training.engine.replay import Step


class PlainEngine:
    """Takes every step as PyTorch's manual writes it; see `latentscape.training.engine.Engine`."""

    keeps_memory = False

    def building_optimizer(self) -> AbstractContextManager[None]:
        """Change nothing."""
        return nullcontext()

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights."""
        optimizer.step()

    def repeated(self, step: Step, device: torch.device) -> Step:
        """Return the step itself."""
        return step
