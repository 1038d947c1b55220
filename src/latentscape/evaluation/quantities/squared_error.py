"""Squared error: per image, per pixel, and as a ratio of signal to noise."""

import math

import torch
from torch import Tensor

from latentscape.core.metrics import Metric
from latentscape.evaluation.quantities.quantity import Quantity


def squared_error(images: Tensor, means: Tensor) -> Tensor:
    """Return squared errors (B,), summed over the values of an example."""
    return (images - means).square().flatten(1).sum(1, dtype=torch.float64)


def bounded_squared_error(images: Tensor, means: Tensor) -> Tensor:
    """Return squared errors (B,); NaN where images leave [0, 1], so that there is no peak of 1."""
    errors = squared_error(images, means)
    return torch.full_like(errors, math.nan) if images.min() < 0 or images.max() > 1 else errors


def _decibels(pixels: int, error: float) -> float | None:
    return -10 * math.log10(error / pixels) if error > 0 else None


MSE = Quantity(
    Metric("mse", "MSE", "per pixel", rank=0),
    (squared_error,),
    lambda pixels, error: error / pixels,
)
SQUARED_ERROR = Quantity(
    Metric("squared_error", "Squared error", "per image"),
    (squared_error,),
    lambda pixels, error: error,
    in_tables=False,
)
PSNR = Quantity(
    Metric("psnr", "PSNR", "dB", higher_is_better=True, rank=5),
    (bounded_squared_error,),
    _decibels,
)
