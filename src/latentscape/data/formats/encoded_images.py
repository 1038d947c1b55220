"""Encoded images (PNG, JPEG) as arrays of 8-bit grey or RGB."""

import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array

if TYPE_CHECKING:
    from PIL.Image import Image


def decode_image(source: Path | bytes, name: str, resize: tuple[int, int] | None) -> Array:
    """Decode one image.

    Sixteen bits become eight. What is transparent is laid on white, as viewers show it. A
    photograph is turned as its camera says. Palettes count as colour.

    Parameters
    ----------
    source : Path or bytes
        A PNG or JPEG file, or its content.
    name : str
        What to call it in messages.
    resize : tuple of int or None
        (H, W) to resize it to, with antialiasing.

    Returns
    -------
    ndarray of uint8
        (1, H, W) for grey, (3, H, W) for colour.

    Raises
    ------
    DataError
        If it cannot be read or decoded.
    """
    from PIL import Image, ImageOps

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    # All that Pillow and its decoders raise over damaged files; most are OSError or ValueError.
    damage = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            image.load()
            plain = _to_grey_or_rgb(ImageOps.exif_transpose(image))
    except (*damage, Image.DecompressionBombError) as error:
        raise DataError(
            f"{name} cannot be read as an image: {error}",
            expected="a whole PNG or JPEG file",
            fix="Replace or remove it.",
        ) from error
    if resize is not None:
        plain = plain.resize((resize[1], resize[0]), Image.Resampling.BICUBIC)
    pixels = np.asarray(plain)
    return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def stack_images(images: Iterable[Array], names: Sequence[str]) -> Array:
    """Put images into one array (N, C, H, W); if any is in colour, all become RGB.

    Parameters
    ----------
    images : iterable of ndarray
        Each (1, H, W) or (3, H, W).
    names : sequence of str
        What to call each in messages.

    Raises
    ------
    DataError
        If two differ in height or width.
    """
    stacked = np.zeros((0, 1, 1, 1), np.uint8)
    for index, (image, name) in enumerate(zip(images, names, strict=True)):
        if not index:
            stacked = np.empty((len(names), *image.shape), np.uint8)
        height, width = stacked.shape[2:]
        if image.shape[1:] != (height, width):
            raise DataError(
                f"{names[0]} is {height}x{width} pixels (height x width) "
                f"but {name} is {image.shape[1]}x{image.shape[2]}",
                expected="images of one size",
                fix=f"Resize them while reading: --resize {height}x{width}.",
            )
        if len(image) > stacked.shape[1]:  # the first one in colour: those before become RGB
            stacked = np.repeat(stacked, len(image), axis=1)
        stacked[index] = image  # a grey image is repeated over three channels
    return stacked


def _to_grey_or_rgb(image: "Image") -> "Image":
    """Reduce an image to 8-bit grey or RGB without transparency."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits, which Pillow's own conversion would clip
        pixels = np.asarray(image, np.uint32) // 257
        return Image.fromarray(pixels.astype(np.uint8))
    grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("L" if grey else "RGB")
