"""Small pictures side by side, as PNG."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from latentscape.core.records import Array
from latentscape.reporting.blocks import Panel, Plate, Strip
from latentscape.reporting.grids import plain, visible

INK, PAPER = (34, 34, 34), (255, 255, 255)
FRAME = np.array([0.55, 0.57, 0.6, 1.0], dtype=np.float32)[:, None, None]

MAX_SHARP = 64
"""Longest side of pictures that pages enlarge with sharp edges of their pixels."""

COMPRESSION, QUICK_COMPRESSION = 4, 2
"""Levels of zlib. The best takes eight times as long, and saves a twentieth of the bytes. The quick
one is for large pictures beside a page: it takes half as long, for a tenth more bytes."""


def strip(
    label: str, images: Array, columns: int, tile: int, alt: str, *, has_opacity: bool = False
) -> Strip:
    """Make a labelled strip of images; see `sheet`."""
    png = sheet(images, columns, tile, has_opacity=has_opacity)
    return Strip(label, png, alt, max(images.shape[2:]) <= MAX_SHARP)


def sheet(
    images: Array, columns: int, tile: int, *, tight: bool = False, has_opacity: bool = False
) -> bytes:
    """Lay images out in rows, with transparent gaps.

    Parameters
    ----------
    images : ndarray of float
        (n, C, H, W) in [0, 1]. Of other than one or three channels the mean is shown. Where an
        image is NaN all over there is a gap.
    columns : int
        Images in a row.
    tile : int
        Images with a longer side than this are made smaller.
    tight : bool
        Whether images touch each other.
    has_opacity : bool
        Whether there are four channels: colour and opacity.

    Returns
    -------
    bytes
        A PNG.
    """
    channels = images if has_opacity else visible(images)
    tiles = [_shrink(_image(image), tile) for image in channels]
    width, height = tiles[0].size
    gap = 0 if tight else max(1, round(min(width, height) / 14))
    rows = -(-len(tiles) // columns)
    size = (columns * (width + gap) - gap, rows * (height + gap) - gap)
    canvas = Image.new("LA" if tiles[0].mode == "L" else "RGBA", size)
    for index, picture in enumerate(tiles):
        if np.isnan(images[index]).all():
            continue
        row, column = divmod(index, columns)
        canvas.paste(picture.convert(canvas.mode), (column * (width + gap), row * (height + gap)))
    return _png(canvas)


def misread(name: str, *, wrong: bool) -> str:
    """Write a label as it stands above a picture, with a cross where it is the wrong one."""
    return f"× {name}" if wrong else name


def code_pictures(codes: Array, like: tuple[int, int]) -> Array:
    """Show codes as small images: each number a square, orange above zero and blue below.

    Parameters
    ----------
    codes : ndarray
        (n, d).
    like : tuple of int
        (H, W) of the images they stand for, whose proportions they get.

    Returns
    -------
    ndarray of float
        (n, 4, h, w): colour and opacity. Where no code is negative the colours are greys.
    """
    rows, columns = folded(codes.shape[1])
    # At least 72 pixels, and room for a frame and a gap around it.
    scale = max(-(-72 // min(like)), -(-2 * rows // like[0]), -(-2 * columns // like[1]))
    height, width = like[0] * scale, like[1] * scale
    side = max(1, min(int(height * 0.88) // rows, int(width * 0.88) // columns))
    padded = np.zeros((len(codes), rows * columns), dtype=np.float32)
    padded[:, : codes.shape[1]] = _normalised(codes)
    colours = _diverging(padded) if (padded < 0).any() else _greys(padded)
    cells = colours.reshape(len(codes), 4, rows, columns).repeat(side, 2).repeat(side, 3)
    canvas = np.zeros((len(codes), 4, height, width), dtype=np.float32)
    top, left = (height - rows * side) // 2, (width - columns * side) // 2
    canvas[:, :, top - 2 : top + rows * side + 2, left - 2 : left + columns * side + 2] = FRAME
    canvas[:, :, top : top + rows * side, left : left + columns * side] = cells
    return canvas


def composed(plate: Plate) -> bytes:
    """Draw a plate's panels side by side with their titles and labels, as one PNG."""
    columns = [_panel(panel) for panel in plate.panels]
    width = sum(column.width + 24 for column in columns) + 24
    canvas = Image.new("RGB", (width, max(column.height for column in columns) + 48), PAPER)
    x = 24
    for column in columns:
        canvas.paste(column, (x, 24))
        x += column.width + 24
    is_grey = len({canvas.getchannel(colour).tobytes() for colour in "RGB"}) == 1
    return _png(canvas.convert("L") if is_grey else canvas, QUICK_COMPRESSION)


def _panel(panel: Panel) -> Image.Image:
    pictures = _enlarged([Image.open(BytesIO(strip.png)) for strip in panel.strips])
    font = ImageFont.load_default(15)
    texts = [panel.title, *(strip.label for strip in panel.strips)]
    widths = [*(picture.width for picture in pictures)]
    widths += [round(font.getlength(text)) + 2 for text in texts]
    # A line for each text that is there.
    heads = [20 * bool(strip.label) + 18 * _lines(strip.columns) for strip in panel.strips]
    top = 30 * bool(panel.title)
    height = top + sum(heads) + sum(picture.height + 12 for picture in pictures)
    canvas = Image.new("RGB", (max(widths), height), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((0, 0), panel.title, INK, ImageFont.load_default(17))
    y = top
    for strip, picture, head in zip(panel.strips, pictures, heads, strict=True):
        draw.text((0, y), strip.label, INK, font)
        y += head
        for index, name in enumerate(strip.columns):
            x = picture.width * (index + 0.5) / len(strip.columns)
            draw.text((x, y - 3), plain(name), INK, font, anchor="md", align="center")
        canvas.paste(picture, (0, y), picture)
        y += picture.height + 12
    return canvas


def _lines(columns: Sequence[str]) -> int:
    """Count the lines of what stands above columns."""
    return max((name.count("\n") + 1 for name in columns), default=0)


def _enlarged(strips: Sequence[Image.Image]) -> list[Image.Image]:
    """Enlarge by whole factors, which keep pixels square, to about the same width."""
    target = max(450, *(strip.width for strip in strips))
    factors = [max(1, round(target / strip.width)) for strip in strips]
    return [
        strip.convert("RGBA").resize((strip.width * n, strip.height * n), Image.Resampling.NEAREST)
        for strip, n in zip(strips, factors, strict=True)
    ]


def _image(image: Array) -> Image.Image:
    pixels = (np.clip(np.nan_to_num(image), 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))


def _shrink(picture: Image.Image, tile: int) -> Image.Image:
    if max(picture.size) <= tile:
        return picture
    factor = tile / max(picture.size)
    size = tuple(max(1, round(side * factor)) for side in picture.size)
    return picture.resize((size[0], size[1]), Image.Resampling.BOX)


def folded(length: int) -> tuple[int, int]:
    """Return rows and columns of the squarest rectangle, without a gap unless it is thin."""
    for rows in range(int(length**0.5), 0, -1):
        if length % rows == 0 and length // rows <= 3 * rows:
            return rows, length // rows
    columns = int(np.ceil(length**0.5))
    return -(-length // columns), columns


def _normalised(codes: Array) -> Array:
    """Divide codes by their largest absolute number."""
    numbers = np.nan_to_num(codes)
    return np.asarray(numbers / (float(np.abs(numbers).max()) or 1.0))


def _greys(values: Array) -> Array:
    return np.stack([values, values, values, np.ones_like(values)], axis=1)


def _diverging(values: Array) -> Array:
    """White at zero; blue and orange are told apart by all common kinds of colour vision."""
    ends = np.where(values[:, None] < 0, _column(0.0, 0.35, 0.62), _column(0.85, 0.42, 0.0))
    colours = 1 - np.abs(values)[:, None] * (1 - ends)
    return np.concatenate([colours, np.ones_like(colours[:, :1])], axis=1)


def _column(*channels: float) -> Array:
    return np.array(channels, dtype=np.float32)[None, :, None]


def _png(picture: Image.Image, level: int = COMPRESSION) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()
