"""Thumbnails: examples as small pictures, and vectors as short rows of values."""

from collections.abc import Sequence

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
