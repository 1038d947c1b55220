"""A film of training: what a model makes of the same images, and of codes, epoch by epoch."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentscape.core.progress import steps
from latentscape.core.records import Array
from latentscape.core.units import number
from latentscape.reporting.animation import Frame
from latentscape.reporting.pen import ZOOM, Pen, in_box

WIDTH, MARGIN = 640, 16
MAP, SIDE = 304, 288
"""Widths of the map and of a block of pictures."""

HEAD, TIMELINE, LINE = 34, 54, 22
"""Heights of the title, of the errors at the bottom, and of a line above pictures."""

ACROSS = 8
"""Images side by side."""

POINTS = 500
"""Most points on the map."""

MOVES, SHORTEST, LONGEST = 56, 3, 12
"""Frames from the first epoch to the last, about; and between two of them at least and at most."""

HOLD, END, REWIND = 5, 50, 9
"""Ticks that an epoch and the last one are shown, and frames of the way back to the first."""


@dataclass(frozen=True, eq=False)
class Scenes:
    """What a film shows after each of some epochs; what is None is left out.

    Attributes
    ----------
    title : str
        Whose training it is.
    epochs : tuple of int
        After which epochs, at least two.
    last_epoch : int
        How many epochs there were.
    errors : mapping of int to float
        The error after an epoch, also of those that are not shown.
    quantity : str
        What the error is.
    originals : ndarray of float32 or None
        (n, C, H, W).
    reconstructions, samples : ndarray of float32 or None
        (epochs, n, C, H, W) and (epochs, m, C, H, W).
    places : ndarray or None
        (epochs, k, 2) of the same codes in one plane.
    labels : ndarray of int64
        (k,) of these; -1 without.
    names : tuple of str
        Of the labels.
    """

    title: str
    epochs: tuple[int, ...]
    last_epoch: int
    errors: Mapping[int, float]
    quantity: str
    originals: Array | None
    reconstructions: Array | None
    samples: Array | None
    places: Array | None
    labels: NDArray[np.int64]
    names: Sequence[str]


def frames(scenes: Scenes) -> Iterator[Frame]:
    """Draw a film: points glide and images fade from epoch to epoch, and then back to the first."""
    drawing = Drawing(scenes)
    for at, ticks in steps("drawing frames", moments(len(scenes.epochs)), lambda moment: ""):
        yield Frame(drawing.draw(at), ticks)


def moments(count: int) -> list[tuple[float, int]]:
    """List the moments of a film of so many scenes, and for how many ticks each is shown."""
    last = count - 1
    moves = min(max(MOVES // last, SHORTEST), LONGEST)
    shown: list[tuple[float, int]] = []
    for scene in range(last):
        shown.append((scene, HOLD))
        shown += [(scene + _eased(step / moves), 1) for step in range(1, moves)]
    back = [(last * (1 - _eased(step / REWIND)), 1) for step in range(1, REWIND)]
    return [*shown, (last, END), *back]


def _eased(share: float) -> float:
    """Begin and end slowly."""
    return share * share * (3 - 2 * share)


class Drawing:
    """Draws the frames of a film.

    Parameters
    ----------
    scenes : Scenes
        What they show.
    """

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes
        self._has_map = scenes.places is not None
        self._has_pictures = scenes.reconstructions is not None

    def draw(self, at: float) -> Image.Image:
        """Draw a moment: 0 is the first scene, 1.5 lies between the second and the third."""
        sheet = Image.new("RGB", (ZOOM * self._width, ZOOM * self._height))
        pen = Pen(sheet)
        epoch = self._epoch(at)
        self._draw_head(pen, epoch)
        left = MARGIN
        if self._scenes.places is not None:
            self._draw_map(pen, (left, HEAD + MARGIN), self._between(self._places, at))
            left += MAP + MARGIN
        if self._has_pictures:
            self._draw_pictures(pen, left, at)
        self._draw_timeline(pen, at, epoch)
        return sheet.resize((self._width, self._height), Image.Resampling.BOX)

    @property
    def _width(self) -> int:
        return WIDTH if self._has_map and self._has_pictures else MAP + 2 * MARGIN

    @property
    def _height(self) -> int:
        return HEAD + MARGIN + self._body + MARGIN + TIMELINE + MARGIN

    @property
    def _body(self) -> int:
        """How high the map is; the pictures beside it are as high."""
        return sum(LINE + _block_height(images) for _, images in self._blocks) or MAP

    @cached_property
    def _blocks(self) -> list[tuple[str, Array]]:
        """Return what stands beside the map: a heading, and images (epochs, rows, columns, ...)."""
        scenes = self._scenes
        if scenes.originals is None or scenes.reconstructions is None:
            return []
        samples = scenes.samples
        rows, columns = (2, ACROSS) if samples is not None else (2, ACROSS // 2)
        pairs = _pairs(scenes.originals, scenes.reconstructions, rows, columns)
        blocks = [("test images, and reconstructions below", pairs)]
        if samples is not None:
            count = min(4 * ACROSS, samples.shape[1] // ACROSS * ACROSS)
            grid = samples[:, :count].reshape(len(samples), -1, ACROSS, *samples.shape[2:])
            blocks.append(("samples", grid))
        return blocks

    @cached_property
    def _points(self) -> NDArray[np.int64]:
        """Draw which points are shown: data may be in the order of their labels."""
        return np.random.default_rng(0).permutation(len(self._scenes.labels))[:POINTS]

    @cached_property
    def _places(self) -> Array:
        """Return places (epochs, k, 2) in the map, in pixels, the second number upwards."""
        assert self._scenes.places is not None
        return in_box(self._scenes.places[:, self._points], (MAP, self._body))

    def _between(self, values: Array, at: float) -> Array:
        """Mix what was kept of two epochs."""
        scene = min(int(at), len(values) - 2)
        share = at - scene
        return np.asarray((1 - share) * values[scene] + share * values[scene + 1])

    def _epoch(self, at: float) -> int:
        """Return the epoch of a moment."""
        epochs = self._scenes.epochs
        return int(np.interp(at, range(len(epochs)), epochs) + 1e-6)

    def _draw_head(self, pen: Pen, epoch: int) -> None:
        scenes = self._scenes
        pen.text((MARGIN, HEAD), scenes.title, 20, "ls")
        text = f"epoch {epoch}"
        pen.text((self._width - MARGIN, HEAD), text, 20, "rs")

    def _draw_map(self, pen: Pen, corner: tuple[float, float], places: Array) -> None:
        left, top = corner
        pen.box((left, top, left + MAP, top + self._body), "tint")
        pen.points(places + corner, self._scenes.labels[self._points], self._scenes.names)

    def _draw_pictures(self, pen: Pen, left: float, at: float) -> None:
        top = float(HEAD + MARGIN)
        for heading, images in self._blocks:
            pen.text((left, top + 14), heading, 14, "ls", "soft")
            pen.images((left, top + LINE), self._between(images, at), SIDE)
            top += LINE + _block_height(images)

    def _draw_timeline(self, pen: Pen, at: float, epoch: int) -> None:
        """Draw the errors of all epochs, and where the film is."""
        scenes, bottom = self._scenes, self._height - MARGIN
        top, left, right = bottom - TIMELINE + 22, MARGIN, self._width - MARGIN
        errors = {key: value for key, value in scenes.errors.items() if math.isfinite(value)}
        now = np.interp(at, range(len(scenes.epochs)), scenes.epochs)
        error = errors.get(epoch)
        if error is not None:
            text = f"{scenes.quantity} {number(error, 3)}"
            pen.text((left, top - 8), text, 14, "ls")
        pen.text((right, top - 8), f"of {scenes.last_epoch} epochs", 14, "rs", "soft")
        if not errors:
            return
        low, high = min(errors.values()), max(errors.values())

        def place(epoch: float, error: float) -> tuple[float, float]:
            across = (epoch - 1) / max(1, scenes.last_epoch - 1)
            up = (error - low) / (high - low) if high > low else 0.5
            return left + across * (right - left), bottom - 4 - up * (bottom - top - 8)

        known = sorted(errors)
        line = [place(key, errors[key]) for key in known]
        pen.line(line, "rule", 2)
        heights = [errors[key] for key in known]
        passed = [place(key, errors[key]) for key in known if key <= now]
        spot = place(now, float(np.interp(now, known, heights)))
        pen.line([*passed, spot], "accent", 2.4)
        pen.dot(spot, 5, "accent", 1)


def _pairs(originals: Array, reconstructions: Array, rows: int, columns: int) -> Array:
    """Put originals above reconstructions: images (epochs, 2 rows, columns, C, H, W)."""
    count = min(len(originals), rows * columns)
    columns = min(columns, count)
    rows = count // columns
    shape = (rows, columns, *originals.shape[1:])
    above = originals[: rows * columns].reshape(shape)
    below = reconstructions[:, : rows * columns].reshape(-1, *shape)
    both = np.stack([np.broadcast_to(above, below.shape), below], axis=2)
    return both.reshape(len(below), 2 * rows, columns, *originals.shape[1:])


def _block_height(images: Array) -> int:
    """Return how high images (epochs, rows, columns, C, H, W) stand."""
    _, rows, columns, _, height, width = map(int, images.shape)
    return math.ceil(SIDE * rows * height / (columns * width))
