"""Codes of single shards as rows of numbers, which can be put together and taken apart again."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from latentscape.model import Pass
from latentscape.model.latents import Normal, Prior

ByExample = Callable[[Pass], Tensor]
"""From a pass to a tensor with a row for each example."""


def packed(tensors: Sequence[Tensor]) -> Tensor:
    """Put tensors (N, ...) side by side as numbers (N, C); (0, 0) where there are none."""
    if not tensors:
        return torch.zeros(0, 0)
    return torch.cat([tensor.reshape(len(tensor), -1).float() for tensor in tensors], 1)


def unpacked(rows: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Undo `packed`: return tensors of these types, as long as there are rows."""
    widths = [math.prod(tensor.shape[1:]) for tensor in like]
    return [
        columns.reshape(len(rows), *tensor.shape[1:]).to(tensor.dtype)
        for columns, tensor in zip(rows.split_with_sizes(widths, 1), like, strict=True)
    ]


def codes_of(result: Pass, by_example: Sequence[ByExample]) -> list[Tensor]:
    """Return all that terms may compare of the examples of a pass, (B, ...) each."""
    code = result.code
    tensors = [code.z.movedim(-2, 0)]
    if code.rate is not None:
        tensors.append(code.rate)
    if code.posterior is not None:
        tensors += [code.posterior.mean, code.posterior.log_variance]
    return [*tensors, *(result.once(function) for function in by_example)]


def over_codes(
    result: Pass, rows: Tensor, by_example: Sequence[ByExample], prior: Prior | None
) -> Pass:
    """Return a pass over codes (N, C) that were packed from several like this one."""
    code = result.code
    tensors = iter(unpacked(rows, codes_of(result, by_example)))
    changes: dict[str, Any] = {"z": next(tensors).movedim(0, -2), "prior": prior}
    if code.rate is not None:
        changes["rate"] = next(tensors)
    if code.posterior is not None:
        changes["posterior"] = Normal(next(tensors), next(tensors))
    return result.over_codes(replace(code, **changes), dict(zip(by_example, tensors, strict=True)))
