"""The engine room: whatever leans on PyTorch's internals so that training is faster.

``train.engine`` of a recipe chooses between two engines that compute the same operations in the
same order, and so the same bits:

- ``auto`` skips what PyTorch decides anew at every step (`replay`, `operations`, `cuda_graphs`,
  `optimizers`) and keeps freed memory for the next step;
- ``plain`` takes every step through PyTorch's public interface alone.

Tests compare them for every recipe. When a new version of PyTorch breaks an internal, training
still works with ``--set train.engine=plain``.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import torch

from latentscape.config.parts import EngineName
from latentscape.training.engine.plain import PlainEngine
from latentscape.training.engine.replay import Results, Step
from latentscape.training.loader import Batch

__all__ = ["Engine", "Step", "choose_engine"]


class Engine(Protocol):
    """How steps of training are carried out; it changes their speed, and no bit of a result.

    Attributes
    ----------
    keeps_memory : bool
        Whether the process keeps freed memory while it trains.
    """

    keeps_memory: bool

    def building_optimizer(self) -> AbstractContextManager[None]:
        """Surround the construction of an optimizer."""
        ...

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights by one step of the optimizer."""
        ...

    def repeated(
        self, step: Callable[[Batch], Results], device: torch.device
    ) -> Callable[[Batch], Results]:
        """Return a step that does the same, for one that will be taken many times.

        The step may read nothing that changes between two calls, except its batch and tensors
        that stay at their place in memory.
        """
        ...


def choose_engine(name: EngineName) -> Engine:
    """Return the engine that ``train.engine`` names."""
    if name == "plain":
        return PlainEngine()
    # Imported here, so that training survives a PyTorch without the internals that this imports.
    from latentscape.training.engine.fast import FastEngine

    return FastEngine()
