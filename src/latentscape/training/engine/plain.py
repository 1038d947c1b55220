"""The plain twin: PyTorch's public interface and nothing else."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from latentscape.training.engine.replay import Results
from latentscape.training.loader import Batch


class PlainEngine:
    """Takes every step as PyTorch's manual writes it.

    Attributes
    ----------
    keeps_memory : bool
        Whether the process keeps freed memory while it trains.
    """

    keeps_memory = False

    def building_optimizer(self) -> AbstractContextManager[None]:
        """Surround the construction of an optimizer: nothing is changed."""
        return nullcontext()

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights by one step of the optimizer."""
        optimizer.step()

    def repeated(
        self, step: Callable[[Batch], Results], device: torch.device
    ) -> Callable[[Batch], Results]:
        """Return a step that does the same, for one that will be taken many times: itself.

        The step may read nothing that changes between two calls, except its batch and tensors that
        stay at their place in memory.
        """
        return step
