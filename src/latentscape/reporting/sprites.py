"""Small pictures of all points of a map in one file, which the page shows one at a time."""

from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_BYTES = 180_000
"""Of a sprite; as text in a page it takes a third more."""

SIDES = (14, 12, 10, 8)
"""Pixels of the longer side of a picture: the first with which a sprite is small enough."""

GREYS = 16
QUALITY = 70


@dataclass(frozen=True)
class Sprite:
    """Pictures of the same size in rows and columns.

    Attributes
    ----------
    id : str
        Its name in a page.
    image : bytes
        A PNG or a JPEG.
    columns : int
        Pictures in a row.
    points : tuple of int
        Index of each picture's example in the dataset.
    """

    id: str
    image: bytes
    columns: int
    points: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Rows of pictures."""
        return ceil(len(self.points) / self.columns)


def make_sprite(id: str, pictures: NDArray[np.uint8], points: tuple[int, ...]) -> Sprite | None:
    """Put pictures (n, C, h, w), grey or in colour, side by side; None if they need too much room.

    Grey pictures keep 16 greys, and others lose what nobody sees at this size.
    """
    for side in SIDES:
        columns, sheet = _laid_out(pictures, side)
        image = _encoded(sheet)
        if len(image) <= MAX_BYTES:
            return Sprite(id, image, columns, points)
    return None


def write_tiles(tiles: NDArray[np.integer[Any]]) -> str:
    """Write numbers of pictures: the first and a plus where the others follow it one by one."""
    if (tiles < 0).all():
        return ""
    if (np.diff(tiles) == 1).all():
        return f"{tiles[0]}+"
    return " ".join(str(tile) for tile in tiles.tolist())


def _laid_out(pictures: NDArray[np.uint8], side: int) -> tuple[int, Image.Image]:
    n, channels, height, width = pictures.shape
    columns = ceil(sqrt(n))
    padded = np.zeros((columns * ceil(n / columns), channels, height, width), np.uint8)
    padded[:n] = pictures
    grid = padded.reshape(-1, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    pixels = grid.reshape(grid.shape[0] * height, columns * width, channels)
    whole = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    factor = min(1.0, side / max(height, width))
    tile = [max(1, round(size * factor)) for size in (width, height)]
    size = (columns * tile[0], grid.shape[0] * tile[1])
    return columns, whole if size == whole.size else whole.resize(size, Image.Resampling.BOX)


def _encoded(sheet: Image.Image) -> bytes:
    buffer = BytesIO()
    if sheet.mode != "L":
        sheet.save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()
    levels = np.rint(np.asarray(sheet) * ((GREYS - 1) / 255)).astype(np.uint8)
    picture = Image.fromarray(levels)
    picture.putpalette([round(255 * level / (GREYS - 1)) for level in range(GREYS) for _ in "RGB"])
    picture.save(buffer, "PNG", bits=4, optimize=True)
    return buffer.getvalue()
