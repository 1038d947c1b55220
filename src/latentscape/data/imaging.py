"""Images of other sizes and without colours, whatever their numbers are."""

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.ranges import ValueRange
from latentscape.core.records import Array

_GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in grey (ITU-R BT.601), as Pillow has them."""


def to_grey(images: Array, origin: str) -> Array:
    """Make colours grey.

    Parameters
    ----------
    images : ndarray of uint8 or float32
        (N, 3, H, W), or (N, 1, H, W), which stay as they are.
    origin : str
        Where they come from, for the message.

    Returns
    -------
    ndarray
        (N, 1, H, W) of the same type.

    Raises
    ------
    DataError
        If they have another number of channels.
    """
    channels = images.shape[1]
    if channels == 1:
        return images
    if channels != 3:
        raise DataError(
            f"Images of {origin} have {channels} channels, which are not red, green and blue",
            expected="three channels, to make them grey",
        )
    grey = np.tensordot(images, _GREY, (1, 0))[:, np.newaxis]
    whole = np.issubdtype(images.dtype, np.integer)
    return (np.rint(grey) if whole else grey).astype(images.dtype)


def has_colours(images: Array) -> bool:
    """Whether the channels of images (N, C, H, W) differ anywhere."""
    return bool((images != images[:, :1]).any())


def resized(images: Array, size: tuple[int, int], value_range: ValueRange | None = None) -> Array:
    """Resize images, with antialiasing, by bicubic interpolation.

    Parameters
    ----------
    images : ndarray of uint8 or float32
        (N, C, H, W).
    size : tuple of int
        The new height and width.
    value_range : tuple of float, optional
        The range of the values, where it is known.

    Returns
    -------
    ndarray
        (N, C, *size) of the same type. Floats stay between the extremes of their image, and whole
        numbers within the range.
    """
    from PIL import Image

    if images.shape[2:] == size:
        return images
    result = np.empty((*images.shape[:2], *size), images.dtype)
    for place in np.ndindex(images.shape[:2]):
        channel = images[place]
        picture = Image.fromarray(channel).resize(size[::-1], Image.Resampling.BICUBIC)
        result[place] = _within(np.asarray(picture), channel, value_range)
    return result


def _within(resized_channel: Array, channel: Array, value_range: ValueRange | None) -> Array:
    """Take back what overshoots at edges."""
    if channel.dtype != np.uint8:
        return resized_channel.clip(channel.min(), channel.max())
    if value_range is None:
        return resized_channel  # Bytes end at 0 and 255 by themselves.
    low, high = value_range
    return resized_channel.clip(min(low, channel.min()), max(high, channel.max()))


def as_asked(
    images: Array, config: DataConfig, origin: str, value_range: ValueRange | None
) -> Array:
    """Make images (B, C, H, W) grey, and resize them, where the settings say so.

    What was within a range that is known already stays there.
    """
    if images.ndim == 4 and config.grey:
        images = to_grey(images, origin)
    if images.ndim == 4 and config.resize:
        images = resized(images, config.resize, value_range)
    return images
