"""Images in rows and columns, as one picture."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import combining, normalize

import numpy as np

from latentscape.core.records import Array

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

PAPER = 0.8
"""Grey of the lines between images, and of empty places."""

INK, MARGIN = 34, 255
"""Greys of texts, and of what is around images that have some."""

TEXT, LINE, ABOVE, MAX_NAME = 12, 14, 4, 160
"""Height of texts, of their lines and of the space above them, and the longest text beside a row,
in pixels."""

SIDE = 64
"""Images are enlarged, by a whole factor, to at most this height and width."""


def visible(images: Array) -> Array:
    """Replace the channels of images (..., C, H, W) by their mean, unless there are 1 or 3."""
    return images if images.shape[-3] in (1, 3) else images.mean(axis=-3, keepdims=True)


def in_columns(rows: Array, columns: int) -> Array:
    """Break rows that are longer than `columns`, all of them at the same places.

    Parameters
    ----------
    rows : ndarray of float
        (r, n, *shape).
    columns : int
        Images side by side at most.

    Returns
    -------
    ndarray of float
        (blocks * r, columns, *shape): the first images of every row, then the next ones; filled up
        with NaN.
    """
    count = rows.shape[1]
    columns = min(columns, count)
    missing = -count % columns
    padding = [(0, 0), (0, missing)] + [(0, 0)] * (rows.ndim - 2)
    full = np.pad(rows, padding, constant_values=np.nan)
    blocks = full.reshape(len(rows), -1, columns, *rows.shape[2:])
    return blocks.swapaxes(0, 1).reshape(-1, columns, *rows.shape[2:])


@dataclass(frozen=True)
class GridLabels:
    r"""What stands beside the rows of a grid and above its images.

    Attributes
    ----------
    rows : sequence of str
        At the left of each row.
    images : sequence of sequence of str
        Above each image, row by row; ``\n`` parts lines. Where a row has the same texts as the one
        above they are not repeated.
    """

    rows: Sequence[str] = ()
    images: Sequence[Sequence[str]] = ()

    def in_columns(self, count: int, columns: int) -> "GridLabels":
        """Break rows of `count` images as `in_columns` breaks these."""
        columns = min(columns, count)
        starts = range(0, count, columns)
        images = [
            [*row[start : start + columns], *[""] * (start + columns - count)]
            for start in starts
            for row in self.images
        ]
        return GridLabels([name for _ in starts for name in self.rows], images)


NO_LABELS = GridLabels()


def draw_grid(cells: Array, gap: int, labels: GridLabels = NO_LABELS) -> bytes:
    """Draw images as a table, with what stands beside rows and above images; see `compose`.

    Returns
    -------
    bytes
        A PNG, grey or RGB.
    """
    buffer = io.BytesIO()
    grid_image(cells, gap, labels).save(buffer, "PNG")
    return buffer.getvalue()


def grid_image(cells: Array, gap: int, labels: GridLabels = NO_LABELS, side: int = SIDE) -> "Image":
    """Draw what `draw_grid` draws, without writing it."""
    from PIL import Image

    image = Image.fromarray(compose(cells, gap, side))
    if labels == NO_LABELS:
        return image
    rows, columns = cells.shape[:2]
    return _labelled(image, labels, (rows, columns), gap)


def compose(cells: Array, gap: int, side: int = SIDE) -> Array:
    """Put images into one, as a table.

    Parameters
    ----------
    cells : ndarray of float
        (rows, columns, C, H, W) in [0, 1]; other values are cut off, and NaN is left empty. Of
        other than one or three channels the mean is shown.
    gap : int
        Width of the lines between images, in pixels.
    side : int
        Small images are enlarged to at most this height and width.

    Returns
    -------
    ndarray of uint8
        (height, width), or (height, width, 3) in colours.
    """
    cells = visible(cells)
    factor = max(1, side // max(cells.shape[3:]))
    tiles = cells.repeat(factor, 3).repeat(factor, 4)
    lined = np.pad(tiles, ((0, 0),) * 3 + ((0, gap), (0, gap)), constant_values=np.nan)
    rows, columns, channels, height, width = lined.shape
    whole = lined.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
    whole = whole[:, : whole.shape[1] - gap, : whole.shape[2] - gap]
    pixels = np.clip(np.nan_to_num(whole, nan=PAPER), 0, 1) * 255 + 0.5
    picture: Array = np.moveaxis(pixels.astype(np.uint8), 0, -1)
    return picture[..., 0] if channels == 1 else picture


def _labelled(grid: "Image", labels: GridLabels, shape: tuple[int, int], gap: int) -> "Image":
    """Set the rows of a grid below the texts of their images, and beside their names."""
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = shape
    height, width = (grid.height + gap) // rows, (grid.width + gap) // columns
    font = ImageFont.load_default(TEXT)
    heads = _heads(labels.images, rows)
    spaces = [max(map(_height, head), default=0) for head in heads]
    names = [_cut(name, font, MAX_NAME) for name in labels.rows]
    left = max((round(font.getlength(name)) + TEXT for name in names), default=0)
    size = (left + grid.width, grid.height + sum(spaces))
    canvas = Image.new(grid.mode, size, _shade(grid.mode, MARGIN))
    draw, ink, top = ImageDraw.Draw(canvas), _shade(grid.mode, INK), 0
    for row, (head, space) in enumerate(zip(heads, spaces, strict=True)):
        top += space
        for column, text in enumerate(head):
            fitted = "\n".join(_cut(line, font, width - gap) for line in text.split("\n"))
            place = (left + column * width + (width - gap) / 2, top - 2)
            draw.multiline_text(place, fitted, ink, font, anchor="md", align="center", spacing=1)
        part = grid.crop((0, row * height, grid.width, min((row + 1) * height, grid.height)))
        canvas.paste(part, (left, top))
        if names:
            middle = (left - TEXT // 2, top + (height - gap) / 2)
            draw.text(middle, names[row], ink, font, anchor="rm")
        top += height
    return canvas


def _height(text: str) -> int:
    """Return the pixels that a text above an image takes."""
    return LINE * (text.count("\n") + 1) + ABOVE if text else 0


def _heads(images: Sequence[Sequence[str]], rows: int) -> list[Sequence[str]]:
    """Return what stands above each row: nothing where the row above says it already."""
    if not images:
        return [()] * rows
    return [() if i and images[i] == images[i - 1] else images[i] for i in range(rows)]


def plain(text: str) -> str:
    """Leave out what stands above letters, and write a minus that the font of pictures has."""
    parts = normalize("NFKD", text.replace("\N{MINUS SIGN}", "-").replace("×", "x"))
    return "".join(character for character in parts if not combining(character))


def _cut(text: str, font: "FreeTypeFont | ImageFont", width: int) -> str:
    """Cut off what is too wide."""
    text = plain(text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _shade(mode: str, grey: int) -> int | tuple[int, int, int]:
    return grey if mode == "L" else (grey, grey, grey)
