"""Thumbnails: examples as small pictures, and vectors as short rows of values."""

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

MAX_VALUES = 256
"""Values of a vector, at most."""


def thumbnail_shape(shape: Sequence[int], count: int, *, in_file: bool) -> tuple[int, ...]:
    """Choose the shape (C, h, w) of thumbnails of images (C, H, W), or (d,) of vectors (D,).

    Parameters
    ----------
    shape : sequence of int
        Of an example.
    count : int
        Points.
    in_file : bool
        Whether all of them are written into a file.
    """
    if len(shape) == 1:
        return (min(shape[0], MAX_VALUES),)
    channels, height, width = shape
    longer = max(height, width)
    if longer <= MAX_SIDE:
        return channels, height, width
    side = MANY_SIDE if in_file and count > MANY else MAX_SIDE
    height, width = (max(1, round(size * side / longer)) for size in (height, width))
    return channels, height, width


def reduce_examples(
    examples: Array, value_range: tuple[float, float], shape: Sequence[int]
) -> NDArray[np.uint8]:
    """Make thumbnails (n, *shape) of stored examples, each value a mean of theirs.

    Values from 0 to 255 go over the range of the stored ones.
    """
    is_same = examples.shape[1:] == tuple(shape)
    if is_same and examples.dtype == np.uint8 and value_range == (0, 255):
        return examples
    values = scaled(torch.from_numpy(examples), value_range)
    if not is_same:
        # A vector is an image of a single row.
        maps = values if values.dim() == 4 else values[:, None, None]
        size = tuple(shape[1:]) if values.dim() == 4 else (1, *shape)
        values = F.interpolate(maps, size, mode="area").reshape(-1, *shape)
    return (values.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
