"""Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004)."""

import math

import torch
from torch import Tensor

from latentscape.core.metrics import Metric
from latentscape.evaluation.quantities.quantity import Quantity

SIDE, SD = 11, 1.5
"""Side and standard deviation of the Gaussian window, in pixels, as in the paper."""

MAX_VALUES = 1 << 18
"""Values that are compared together: what comes of them stays in a processor's cache."""

_C1, _C2 = 0.01**2, 0.03**2  # K1 and K2 of the paper, for values from 0 to 1.


def structural_similarity(images: Tensor, means: Tensor) -> Tensor:
    """Return the mean similarity (B,) over all places of the window, -1 to 1; 1 for equal images.

    Channels are compared one by one. NaN for plain vectors, for images smaller than the window, and
    for values outside [0, 1].
    """
    whole = images.dim() == 4 and min(images.shape[-2:]) >= SIDE
    if not whole or images.min() < 0 or images.max() > 1:
        return torch.full((len(images),), math.nan, dtype=torch.float64)
    size = max(1, MAX_VALUES // images[0].numel())
    pieces = zip(torch.split(images, size), torch.split(means, size), strict=True)
    return torch.cat([_similarities(*piece) for piece in pieces])


def _similarities(images: Tensor, means: Tensor) -> Tensor:
    x, y = images.double(), means.double()
    windows = tuple(_window(side, x) for side in x.shape[-2:])
    mean_x, mean_y, xx, yy, xy = (_blurred(v, *windows) for v in (x, y, x * x, y * y, x * y))
    variances, covariance = xx - mean_x**2 + yy - mean_y**2, xy - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    similarity /= (mean_x**2 + mean_y**2 + _C1) * (variances + _C2)
    return similarity.flatten(1).mean(1)


def _blurred(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Average values (B, C, H, W) in the window, wherever the whole of it lies on the image.

    The window is a product of one for rows and one for columns, each given as a matrix: products of
    matrices are faster than convolutions of one channel. Height and width change places.
    """
    return (values @ columns).mT @ rows


def _window(side: int, like: Tensor) -> Tensor:
    """Return the weights (side, places) of each pixel of a side at each place of the window."""
    pixels = torch.arange(side, dtype=like.dtype, device=like.device)
    offsets = pixels[:, None] - pixels[SIDE // 2 : side - SIDE // 2]
    weights = torch.exp(-(offsets**2) / (2 * SD**2)) * (offsets.abs() <= SIDE // 2)
    return weights / weights.sum(0)


SSIM = Quantity(
    Metric("ssim", "SSIM", higher_is_better=True, about="Structural similarity; 1 is equal."),
    (structural_similarity,),
    lambda pixels, similarity: similarity,
)
