"""Types and axes: any numeric array becomes uint8 or float32, (N, C, H, W) or (N, D)."""

import math

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array

CHANNELS = (1, 3, 4)
"""Lengths of an axis that is taken for that of the channels."""


def compact_dtype(values: Array, origin: str, first: int = 0) -> Array:
    """Convert numbers to the smaller of the two types that images are stored in.

    Parameters
    ----------
    values : ndarray
        Of any type.
    origin : str
        Where they come from, for the message.
    first : int
        The number of the first example there, counted from 0.

    Returns
    -------
    ndarray
        uint8 for booleans and for integers within 0..255, float32 otherwise.

    Raises
    ------
    DataError
        If they are not real numbers, or not all finite (in float32).
    """
    kind = values.dtype.kind
    if kind not in "biuf":
        raise DataError(f"{origin} holds values of type {values.dtype}", expected="real numbers")
    if kind == "b" or values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    if kind in "iu" and values.size and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8)
    with np.errstate(over="ignore"):  # a number too large becomes infinite, and is refused below
        floats = values.astype(np.float32, copy=False)
    _check_finite(floats, origin, first)
    return floats


def arrange_axes(
    values: Array, shape: tuple[int, ...] | None, origin: str, channels_first: bool = False
) -> Array:
    """Bring examples into the axes (N, C, H, W) or (N, D).

    Of four axes, the last one holds the channels if it is 1, 3 or 4 long, otherwise the second one
    must. `shape` decides where that guess is wrong or impossible.

    Parameters
    ----------
    values : ndarray
        (N, D), (N, H, W), (N, H, W, C) or (N, C, H, W).
    shape : tuple of int or None
        The shape of one example in the result: (C, H, W), (H, W) for one channel, or (D,), which
        turns images into plain vectors.
    origin : str
        Where they come from, for the message.
    channels_first : bool
        Four axes are known to be (N, C, H, W).

    Returns
    -------
    ndarray
        A view where that is possible, in any order, and perhaps read-only.

    Raises
    ------
    DataError
        If the array has other axes or the shape does not fit.
    """
    if not 2 <= values.ndim <= 4 or 0 in values.shape[1:]:
        raise DataError(
            f"{origin} holds an array of shape {_any_count(values.shape)}",
            expected="images (N, H, W), (N, C, H, W) or (N, H, W, C), or vectors (N, D)",
        )
    target = (1, *shape) if shape is not None and len(shape) == 2 else shape
    images = values if channels_first else _channels_first(values, target, origin)
    if target is not None and images.shape[1:] != target:
        images = _reshape(images, target, origin)
    return images


def mixed_depth(first: str, before: object, name: str, dtype: object) -> DataError:
    """Build the error for images whose grey levels differ in depth."""
    return DataError(
        f"{first} has grey levels of type {before} but {name} of type {dtype}",
        expected="images of one depth, so that a value means the same in all of them",
        fix="Convert those of one kind.",
    )


def _channels_first(values: Array, target: tuple[int, ...] | None, origin: str) -> Array:
    if values.ndim == 2 or values.shape[1:] == target:
        return values
    if values.ndim == 3:
        return values[:, np.newaxis]
    moved = np.moveaxis(values, -1, 1)
    if values.shape[-1] in CHANNELS or moved.shape[1:] == target:
        return moved
    if values.shape[1] in CHANNELS:
        return values
    raise DataError(
        f"{origin} holds an array of shape {_any_count(values.shape)}, "
        "of which no axis looks like channels",
        expected="1, 3 or 4 channels in the second or the last axis",
        fix="Say which shape an image has: --set data.shape=[C,H,W].",
    )


def _any_count(shape: tuple[int, ...]) -> str:
    """Write a shape with N for the number of examples, since a batch holds only some of them."""
    return f"({', '.join(['N', *map(str, shape[1:])])})"


def _reshape(images: Array, target: tuple[int, ...], origin: str) -> Array:
    shape = images.shape[1:]
    size = math.prod(shape)
    if size != math.prod(target) or (len(shape) > 1 and len(target) > 1):
        raise DataError(
            f"Examples of shape {shape} in {origin} cannot take the shape {target}",
            expected=f"a shape of {size} values" if len(shape) == 1 else f"{shape} or ({size},)",
            fix="Correct or leave out data.shape.",
        )
    return images.reshape(-1, *target)


def _check_finite(values: Array, origin: str, first: int) -> None:
    finite = np.isfinite(values)
    if finite.all():
        return
    example, *place = (int(index) for index in np.unravel_index(finite.argmin(), finite.shape))
    raise DataError(
        f"{origin} holds {np.count_nonzero(~finite)} value(s) that are NaN or infinite in examples "
        f"{first} to {first + len(values) - 1}, the first ({values[example, *place]}) in example "
        f"{first + example} at {tuple(place)}, counted from 0",
        expected="finite numbers",
        fix="Remove those examples or fill in their values.",
    )
