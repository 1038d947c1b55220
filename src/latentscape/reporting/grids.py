"""Images in rows and columns, as one PNG."""

import io

import numpy as np

from latentscape.core.records import Array

PAPER = 0.8
"""Grey of the lines between images, and of empty places."""

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


def draw_grid(cells: Array, gap: int) -> bytes:
    """Draw images as a table; see `compose`.

    Returns
    -------
    bytes
        A PNG, grey or RGB.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(compose(cells, gap)).save(buffer, "PNG")
    return buffer.getvalue()


def compose(cells: Array, gap: int) -> Array:
    """Put images into one, as a table.

    Parameters
    ----------
    cells : ndarray of float
        (rows, columns, C, H, W) in [0, 1]; other values are cut off, and NaN is left empty. Of
        other than one or three channels the mean is shown.
    gap : int
        Width of the lines between images, in pixels.

    Returns
    -------
    ndarray of uint8
        (height, width), or (height, width, 3) in colours. Small images are enlarged to `SIDE`.
    """
    cells = visible(cells)
    factor = max(1, SIDE // max(cells.shape[3:]))
    tiles = cells.repeat(factor, 3).repeat(factor, 4)
    lined = np.pad(tiles, ((0, 0),) * 3 + ((0, gap), (0, gap)), constant_values=np.nan)
    rows, columns, channels, height, width = lined.shape
    whole = lined.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
    whole = whole[:, : whole.shape[1] - gap, : whole.shape[2] - gap]
    pixels = np.clip(np.nan_to_num(whole, nan=PAPER), 0, 1) * 255 + 0.5
    picture: Array = np.moveaxis(pixels.astype(np.uint8), 0, -1)
    return picture[..., 0] if channels == 1 else picture
