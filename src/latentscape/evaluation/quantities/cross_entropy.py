"""Binary cross-entropy: per image, per pixel, and above the entropy of the images themselves."""

import math

import torch
from torch import Tensor

from latentscape.core.metrics import Metric
from latentscape.evaluation.quantities.quantity import Quantity

CLIP = 1e-7
"""Where float32 can still tell a probability from 0 and from 1. It bounds a pixel's loss."""


def cross_entropy(images: Tensor, means: Tensor) -> Tensor:
    """Return cross-entropies (B,) in nats, summed over pixels; NaN where images leave [0, 1]."""
    if images.min() < 0 or images.max() > 1:
        return torch.full((len(images),), math.nan, dtype=torch.float64)
    means = means.clamp(CLIP, 1 - CLIP)
    log_prob = images * means.log() + (1 - images) * torch.log1p(-means)
    return -log_prob.flatten(1).sum(1, dtype=torch.float64)


def entropy(images: Tensor, means: Tensor) -> Tensor:
    """Return the least cross-entropy (B,) that any reconstruction can have, in nats."""
    return cross_entropy(images, images)


def _excess(pixels: int, nats: float, floor: float) -> float:
    return max(0.0, nats - floor) / pixels  # What rounding makes negative is zero.


BCE = Quantity(
    Metric("bce", "BCE", "nats per pixel", rank=6),
    (cross_entropy,),
    lambda pixels, nats: nats / pixels,
)
BCE_EXCESS = Quantity(
    Metric("bce_excess", "BCE above floor", "nats per pixel"), (cross_entropy, entropy), _excess
)
NATS = Quantity(
    Metric("nats", "BCE", "nats per image", rank=4), (cross_entropy,), lambda pixels, nats: nats
)
