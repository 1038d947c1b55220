"""Drawing on pictures of pixels: texts, points, lines and images in the colours of charts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from latentscape.core.records import Array
from latentscape.reporting.grids import visible
from latentscape.reporting.svg import page_colours

ZOOM = 2
"""Pictures are drawn so many times as large, and made smaller: edges become smooth."""

NAME = 15
"""Height of names over points."""

TAILS = (0.005, 0.995)
"""Quantiles of places between which a map is drawn; what lies outside stands at its edge."""

EDGE = 9
"""Room between points and the edge of a map."""


def in_box(places: Array, size: tuple[float, float]) -> Array:
    """Fit places (..., 2) into a map without stretching them, the second number upwards."""
    low, high = np.quantile(places.reshape(-1, 2).astype(float), TAILS, axis=0)
    box = np.array(size)
    factor = float(((box - 2 * EDGE) / np.maximum(high - low, 1e-12)).min())
    inside = (places - (low + high) / 2) * factor * (1, -1) + box / 2
    return np.asarray(np.clip(inside, EDGE, box - EDGE))


class Pen:
    """Draws on a sheet that is `ZOOM` times as large as the picture.

    Parameters
    ----------
    sheet : Image
        What is drawn on, in RGB; it becomes paper.

    Colours have the names of those of charts, such as ``ink`` and ``k0``.
    """

    def __init__(self, sheet: Image.Image) -> None:
        self._sheet, self._colours = sheet, page_colours()
        sheet.paste(self._colours["--paper"], (0, 0, *sheet.size))
        self._draw = ImageDraw.Draw(sheet, "RGBA")
        self._font = ImageFont.load_default(ZOOM * NAME)

    def text(
        self, at: tuple[float, float], text: str, size: int, anchor: str, colour: str = "ink"
    ) -> None:
        """Write a line; the anchor is Pillow's."""
        font = ImageFont.load_default(ZOOM * size)
        self._draw.text(_zoomed(at), text, self._colours[f"--{colour}"], font, anchor)

    def name(self, at: tuple[float, float], text: str) -> None:
        """Write a name over points, as a whole within the picture."""
        x, y = _zoomed(at)
        half = self._font.getlength(text) / 2 + 2 * ZOOM
        inside = min(max(x, half), self._sheet.width - half), y
        paper, ink = self._colours["--paper"], self._colours["--ink"]
        self._draw.text(
            inside, text, ink, self._font, "mm", stroke_width=2 * ZOOM, stroke_fill=paper
        )

    def box(self, box: tuple[float, float, float, float], colour: str) -> None:
        """Fill a rectangle with round corners."""
        corners = [_zoomed(box[:2]), _zoomed(box[2:])]
        self._draw.rounded_rectangle(corners, 4 * ZOOM, self._colours[f"--{colour}"])

    def dot(self, at: tuple[float, float], radius: float, colour: str, opacity: float) -> None:
        """Draw a dot."""
        x, y = at
        fill = f"{self._colours[f'--{colour}']}{round(255 * opacity):02x}"
        corners = [_zoomed((x - radius, y - radius)), _zoomed((x + radius, y + radius))]
        self._draw.ellipse(corners, fill)

    def points(
        self, at: Array, labels: NDArray[np.int64], names: Sequence[str], *, apart: bool = False
    ) -> None:
        """Draw points (n, 2) in the colours of their labels (n,), and the names at the medians.

        Names that would stand on each other are moved `apart`; in a film they would jump.
        """
        for (x, y), label in zip(at, labels, strict=True):
            self.dot((x, y), 2.1, f"k{label % 10}" if label >= 0 else "soft", 0.75)
        known = np.unique(labels[labels >= 0]).tolist()
        places = [np.median(at[labels == label], axis=0) for label in known]
        widths = [self._font.getlength(names[label]) / ZOOM for label in known]
        spots = _apart(places, widths) if apart else places
        for label, (x, y) in zip(known, spots, strict=True):
            self.name((x, y), names[label])

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        """Draw a line through points."""
        places = [_zoomed(point) for point in points]
        self._draw.line(places, self._colours[f"--{colour}"], round(ZOOM * width), "curve")

    def images(self, at: tuple[float, float], cells: Array, width: float) -> None:
        """Draw images (rows, columns, C, H, W) side by side."""
        columns = cells.shape[1]
        pitch = width / columns
        for place in np.ndindex(cells.shape[:2]):
            image = visible(cells[place])
            pixels = (np.clip(np.nan_to_num(image), 0, 1) * 255 + 0.5).astype(np.uint8)
            picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
            high = pitch * picture.height / picture.width
            size = round(ZOOM * (pitch - 2)), round(ZOOM * (high - 2))
            tile = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
            corner = at[0] + place[1] * pitch, at[1] + place[0] * high
            x, y = _zoomed(corner)
            self._sheet.paste(tile, (round(x), round(y)))


def _apart(places: Sequence[Array], widths: Sequence[float]) -> list[Array]:
    """Move names down, from the highest to the lowest, until none stands on another."""
    moved = [place.copy() for place in places]
    order = np.argsort([place[1] for place in places], kind="stable").tolist()
    for number, mine in enumerate(order):
        for other in order[:number]:
            x, y = np.abs(moved[mine] - moved[other])
            if x < (widths[mine] + widths[other]) / 2 + 4 and y < NAME + 1:
                moved[mine][1] = moved[other][1] + NAME + 1
    return moved


def _zoomed(at: tuple[float, float]) -> tuple[float, float]:
    return ZOOM * float(at[0]), ZOOM * float(at[1])
