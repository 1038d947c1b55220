"""Thumbnails: examples as small pictures."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from latentscape.core.records import Array
from latentscape.model import scaled

MAX_SIDE = 64
"""Pixels of the longer side, at most."""

MANY, MANY_SIDE = 2000, 32
"""In a file there are more than so many points only where larger images are made so small."""


def thumbnail_shape(
    shape: Sequence[int], count: int, *, in_file: bool
) -> tuple[int, int, int] | None:
    """Choose the shape (C, h, w) of thumbnails of examples of a shape; None of vectors.

    Parameters
    ----------
    shape : sequence of int
        (C, H, W) or (D,).
    count : int
        Points.
    in_file : bool
        Whether all of them are written into a file.
    """
    if len(shape) != 3:
        return None
    channels, height, width = shape
    longer = max(height, width)
    if longer <= MAX_SIDE:
        return channels, height, width
    side = MANY_SIDE if in_file and count > MANY else MAX_SIDE
    height, width = (max(1, round(size * side / longer)) for size in (height, width))
    return channels, height, width


def reduce_images(
    images: Array, value_range: tuple[float, float], size: Sequence[int]
) -> NDArray[np.uint8]:
    """Make thumbnails (n, C, *size) of stored images (n, C, H, W), each pixel a mean of theirs."""
    if images.dtype == np.uint8 and value_range == (0, 255) and images.shape[2:] == tuple(size):
        return images
    values = scaled(torch.from_numpy(images), value_range)
    if tuple(values.shape[2:]) != tuple(size):
        values = F.interpolate(values, tuple(size), mode="area")
    return (values.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
