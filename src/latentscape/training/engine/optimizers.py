"""Optimizers without PyTorch's compiler, whose import takes a second and 60 to 100 MB.

PyTorch wraps methods of its optimizers so that the compiler leaves them alone. The wrappers import
the compiler when they are called first, although nothing here is ever compiled.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def update(optimizer: torch.optim.Optimizer) -> None:
    """Move the weights by the method that ``optimizer.step`` wraps, and by the hooks before it."""
    for hook in optimizer._optimizer_step_pre_hooks.values():
        hook(optimizer, (), {})
    with torch.no_grad():
        inspect.unwrap(type(optimizer).step)(optimizer)


@contextmanager
def without_compiler() -> Iterator[None]:
    """Let an optimizer be built without the compiler.

    ``add_param_group`` is the one wrapped method that a constructor calls. Its wrapper looks for
    this attribute first, where it stores the method that it has wrapped.
    """
    method: Any = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    method.__dict__["__dynamo_disable"] = method
    try:
        yield
    finally:
        method.__dict__.pop("__dynamo_disable", None)  # Another thread may have removed it.
