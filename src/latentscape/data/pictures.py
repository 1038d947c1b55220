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

_FORMATS = ("PNG", "JPEG")


def decode(source: Path | bytes, name: str, resize: tuple[int, int] | None) -> Array:
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

    damage = (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    )
    try:
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS
        ) as image:
            image.load()
            plain = _plain(ImageOps.exif_transpose(image))
    except damage as error:
        raise DataError(
            f"{name} cannot be read as an image: {error}",
            expected="a whole PNG or JPEG file",
            fix="Replace or remove it.",
        ) from error
    if resize is not None:
        plain = plain.resize((resize[1], resize[0]), Image.Resampling.BICUBIC)
    pixels = np.asarray(plain)
    return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def stack(images: Iterable[Array], names: Sequence[str]) -> Array:
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
    found: list[Array] = []
    for image, name in zip(images, names, strict=True):
        if found and image.shape[1:] != found[0].shape[1:]:
            height, width = found[0].shape[1:]
            raise DataError(
                f"{names[0]} is {height}x{width} pixels (height x width) "
                f"but {name} is {image.shape[1]}x{image.shape[2]}",
                expected="images of one size",
                fix=f"Resize them while reading: --resize {height}x{width}.",
            )
        found.append(image)
    if not found:
        return np.zeros((0, 1, 1, 1), np.uint8)
    channels = max(len(image) for image in found)
    return np.stack([np.broadcast_to(image, (channels, *image.shape[1:])) for image in found])


def _plain(image: "Image") -> "Image":
    """Reduce an image to 8-bit grey or RGB without transparency."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits, which Pillow's own conversion would clip
        pixels = np.asarray(image, np.uint32) // 257
        return Image.fromarray(pixels.astype(np.uint8))
    grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        paint = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", paint.size, "white"), paint)
    return image.convert("L" if grey else "RGB")
