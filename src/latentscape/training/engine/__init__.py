"""The engine room: whatever leans on PyTorch's internals so that training is faster.

``train.engine`` of a recipe chooses between two engines that compute the same operations in the
same order, and so the same bits:

- ``auto`` skips what PyTorch decides anew at every step (`replay`, `operations`, `cuda_graphs`,
  `optimizers`) and keeps freed memory for the next step;
- ``plain`` takes every step through PyTorch's public interface alone.

Tests compare them for every recipe. When a new version of PyTorch breaks an internal, training
still works with ``--set train.engine=plain``.
"""

from typing import TYPE_CHECKING, TypeAlias

from latentscape.config.parts import EngineName
from latentscape.training.engine.plain import PlainEngine
from latentscape.training.engine.replay import Step

if TYPE_CHECKING:
    from latentscape.training.engine.fast import FastEngine

Engine: TypeAlias = "PlainEngine | FastEngine"
"""How steps of training are carried out; it changes their speed, and no bit of a result."""

__all__ = ["Engine", "Step", "choose_engine"]


def choose_engine(name: EngineName) -> Engine:
    """Return the engine that ``train.engine`` names."""
    if name == "plain":
        return PlainEngine()
    # Imported here, so that training survives a PyTorch without the internals that this imports.
    from latentscape.training.engine.fast import FastEngine

    return FastEngine()
