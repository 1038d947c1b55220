"""Encoded images (PNG, JPEG, TIFF, ...) as arrays of grey or RGB."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.conversion import mixed_depth
from latentscape.data.damage import refusing_damage

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".pbm",
    ".pgm",
    ".pnm",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)
"""Endings of the names of image files, in small letters."""

IMAGE_KINDS = "PNG, JPEG, TIFF, BMP, GIF, WebP or PGM"

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM")
_WITH_FRAMES = (".gif", ".tif", ".tiff", ".webp")

# All that Pillow and its decoders raise over damaged files; most are OSError or ValueError.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, MemoryError, struct.error, zlib.error)


def decode_image(source: Path | bytes, name: str, resize: tuple[int, int] | None) -> Array:
    """Decode one image, the first one of a file that holds several.

    Grey images keep their depth. What is transparent is laid on white, as viewers show it. A
    photograph is turned as its camera says. Palettes count as colour.

    Parameters
    ----------
    source : Path or bytes
        An image file, or its content.
    name : str
        What to call it in messages.
    resize : tuple of int or None
        (H, W) to resize it to, with antialiasing.

    Returns
    -------
    ndarray
        (1, H, W) for grey, (3, H, W) for colour. It is of uint8; or of uint16, int32 or float32
        where grey levels have so many bits.

    Raises
    ------
    DataError
        If it cannot be read or decoded, or is in colour of more than 8 bits.
    """
    from PIL import Image

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    damage, whole = (*_DAMAGE, Image.DecompressionBombError), f"a whole {IMAGE_KINDS} file"
    with (
        refusing_damage(name, "an image", damage, whole, "Replace or remove it."),
        Image.open(file, formats=_FORMATS) as image,
    ):
        _refuse_deep_colour(image, name)
        return image_array(image, resize)


def image_array(image: "Image", resize: tuple[int, int] | None = None) -> Array:
    """Turn an image of Pillow into an array, as `decode_image` does."""
    from PIL import Image, ImageOps

    depth = _depth(image)
    image.load()
    upright = ImageOps.exif_transpose(image)
    plain = upright.convert("F") if depth else _to_grey_or_rgb(upright)
    if resize is not None:
        plain = plain.resize((resize[1], resize[0]), Image.Resampling.BICUBIC)
    pixels = np.asarray(plain)
    if image.format == "GIF" and pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]  # It has no mode for grey.
    if depth in ("uint16", "int32"):
        limits = np.iinfo(depth)
        pixels = np.rint(pixels.astype(np.float64)).clip(limits.min, limits.max).astype(depth)
    return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def count_frames(find: Callable[[], Path | bytes], name: str) -> int:
    """Count the images in a file, which is more than one for animations and pages of a scan.

    What cannot be read counts as one image: decoding it says why.

    Parameters
    ----------
    find : callable
        Returns the file or its content. It is called where files of this kind may hold several.
    name : str
        The name of the file.
    """
    from PIL import Image

    if not name.lower().endswith(_WITH_FRAMES):
        return 1
    source = find()
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with Image.open(file, formats=_FORMATS) as image:
            return int(getattr(image, "n_frames", 1))
    except (*_DAMAGE, Image.DecompressionBombError):
        return 1


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
        If two differ in height or width, or in the depth of their grey levels.
    """
    stacked = np.zeros((0, 1, 1, 1), np.uint8)
    for index, (image, name) in enumerate(zip(images, names, strict=True)):
        if not index:
            stacked = np.empty((len(names), *image.shape), image.dtype)
        _check_alike(stacked, image, names[0], name)
        if len(image) > stacked.shape[1]:  # the first one in colour: those before become RGB
            stacked = np.repeat(stacked, len(image), axis=1)
        stacked[index] = image  # a grey image is repeated over three channels
    return stacked


def _check_alike(stacked: Array, image: Array, first: str, name: str) -> None:
    height, width = stacked.shape[2:]
    if image.shape[1:] != (height, width):
        raise DataError(
            f"{first} is {height}x{width} pixels (height x width) "
            f"but {name} is {image.shape[1]}x{image.shape[2]}",
            expected="images of one size",
            fix=f"Resize them while reading: --resize {height}x{width}.",
        )
    if image.dtype != stacked.dtype:
        raise mixed_depth(first, stacked.dtype, name, image.dtype)


def _depth(image: "Image") -> str:
    """Return the type of grey levels of more than 8 bits; '' for other images."""
    if image.mode.startswith("I;16"):
        return "uint16"
    if image.mode == "I":  # PNG and PGM know no more than 16 bits
        return "uint16" if image.format in ("PNG", "PPM") else "int32"
    return "float32" if image.mode == "F" else ""


def _refuse_deep_colour(image: "ImageFile", name: str) -> None:
    """Refuse colour of more than 8 bits, of which Pillow would drop the lower ones silently."""
    for tile in image.tile if image.mode not in ("I", "F") else ():
        args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        highest = args[1] if tile.codec_name == "ppm" and len(args) > 1 else 0
        is_deep = ";16" in str(args[0]) and not image.mode.startswith("I;16")
        if is_deep or (isinstance(highest, int) and highest > 255):
            raise DataError(
                f"{name} is in colour with more than 8 bits, of which only 8 would be read",
                expected="colour of 8 bits, or grey",
                fix="Convert it to 8 bits, or save the images as one array of numbers (.npy).",
            )


def _to_grey_or_rgb(image: "Image") -> "Image":
    """Reduce an image of 8 bits to grey or RGB without transparency."""
    from PIL import Image

    grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("L" if grey else "RGB")
