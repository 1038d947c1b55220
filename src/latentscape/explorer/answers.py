"""What the page asks of Python: bytes of requests become arrays, and arrays become bytes.

Numbers travel as little-endian bytes without a header; the manifest says their types and shapes.
"""

import math
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Array
from latentscape.explorer.contents import Model
from latentscape.explorer.exploration import Exploration

MAX_THUMBNAILS = 4096
"""Most thumbnails that are sent at once."""

MAX_NEIGHBOURS = 1000

_MAX_ROWS = 4096
_MAX_NUMBERS = 16 << 20
"""Most rows that go through a model at once, and most numbers of their images."""

_PIECE = 8192
"""Points whose distances are computed at once."""


class Answers:
    """What a model and the points of an exploration answer.

    Parameters
    ----------
    exploration : Exploration
        What the page shows.
    """

    def __init__(self, exploration: Exploration) -> None:
        self.exploration = exploration
        self._models = {model.key: model for model in exploration.manifest.models}
        # Full precision is a setting of the whole process: one computation at a time.
        self._lock = threading.Lock()

    @property
    def max_rows(self) -> int:
        """How many codes or images may go through a model at once."""
        return max(1, min(_MAX_ROWS, _MAX_NUMBERS // math.prod(self.exploration.manifest.shape)))

    @property
    def max_bytes(self) -> int:
        """How long the body of a question may be."""
        widest = max(model.latent_dim for model in self._models.values())
        return 4 * self.max_rows * max(widest, math.prod(self.exploration.manifest.shape))

    def decode(self, key: str, labels: str, body: bytes) -> Array:
        """Decode codes (B, D) of float32 to images (B, *shape) on the scale 0 to 1.

        Raises
        ------
        ConfigError, DataError
            If there is no such model, or codes or labels do not fit.
        """
        model = self._model(key)
        codes = read_floats(body, (model.latent_dim,), "codes", self.max_rows)
        known = self._labels(model, labels, len(codes))
        with self._lock:
            return self.exploration.decode(key, codes, known)

    def encode(self, key: str, labels: str, body: bytes) -> Array:
        """Encode images (B, *shape) on the scale 0 to 1 to codes (B, D); raises as `decode`."""
        model, shape = self._model(key), self.exploration.manifest.shape
        images = read_floats(body, shape, "images", self.max_rows)
        known = self._labels(model, labels, len(images))
        with self._lock:
            return self.exploration.encode(key, images, known)

    def neighbours(self, key: str, space: str, k: str, body: bytes) -> tuple[Array, Array]:
        """Find the points nearest to a code, or to the pixels of a thumbnail (0 to 1).

        Returns
        -------
        points : ndarray of int32
            (k,) the nearest first.
        distances : ndarray of float32
            (k,) Euclidean.
        """
        model = self._model(key)
        count = read_number("k", k, 1, MAX_NEIGHBOURS)
        if space not in ("codes", "pixels"):
            raise ConfigError(f"The space is {space!r}", expected="codes or pixels")
        if space == "codes":
            query = read_floats(body, (model.latent_dim,), "codes", 1)
            pieces = self._codes(key)
        else:
            query = read_floats(body, self.exploration.manifest.thumbnails.shape, "pixels", 1)
            pieces = self._pixels()
        return nearest(pieces, query, min(count, len(self.exploration)))

    def thumbnails(self, start: str, stop: str) -> Array:
        """Return thumbnails (n, *shape) of the points from `start` up to `stop`.

        Raises
        ------
        ConfigError
            If there are no such points, or too many at once.
        """
        last = len(self.exploration)
        first = read_number("The first thumbnail", start, 0, last - 1)
        end = read_number("The end of the thumbnails", stop, first + 1, last)
        if end - first > MAX_THUMBNAILS:
            raise ConfigError(
                f"{end - first:,} thumbnails are asked for", expected=f"{MAX_THUMBNAILS:,} at most"
            )
        return self.exploration.images(first, end)

    def original(self, point: str) -> Array:
        """Return a whole example (*shape), on the scale 0 to 1."""
        return self.exploration.original(
            read_number("The point", point, 0, len(self.exploration) - 1)
        )

    def _model(self, key: str) -> Model:
        if key not in self._models:
            raise ConfigError(f"There is no model {key!r}", expected=f"{', '.join(self._models)}")
        return self._models[key]

    def _labels(self, model: Model, text: str, count: int) -> Sequence[int] | None:
        if not model.conditional:
            if text:
                raise ConfigError(f"{model.label} takes no labels", expected="none")
            return None
        last = len(self.exploration.manifest.label_names) - 1
        labels = [read_number("A label", part, 0, last) for part in text.split(",")]
        if len(labels) not in (1, count):
            raise DataError(f"There are {len(labels)} labels", expected=f"1 or {count}")
        return labels

    def _codes(self, key: str) -> Iterator[Array]:
        codes = self.exploration.arrays[f"{key}/codes"]
        for start in range(0, len(codes), _PIECE):
            yield codes[start : start + _PIECE].astype(np.float32)

    def _pixels(self) -> Iterator[Array]:
        count = len(self.exploration)
        for start in range(0, count, _PIECE):
            thumbnails = self.exploration.images(start, min(start + _PIECE, count))
            yield thumbnails.astype(np.float32) / 255


def nearest(pieces: Iterator[Array], query: Array, k: int) -> tuple[Array, Array]:
    """Find the rows of an array that are nearest to a query.

    Parameters
    ----------
    pieces : iterator of ndarray
        The rows (N, ...) in pieces.
    query : ndarray
        (1, ...).
    k : int
        How many, from 1 to N.

    Returns
    -------
    points, distances : ndarray of int32, ndarray of float32
        (k,) the nearest first; of rows as far as each other, the first.
    """
    squares = np.concatenate(
        [np.square((piece - query).reshape(len(piece), -1)).sum(1) for piece in pieces]
    )
    points = np.argpartition(squares, k - 1)[:k] if k < len(squares) else np.arange(k)
    points = points[np.lexsort((points, squares[points]))]
    return points.astype(np.int32), np.sqrt(squares[points]).astype(np.float32)


def read_floats(body: bytes, shape: Sequence[int], what: str, max_rows: int) -> Array:
    """Read rows of float32.

    Raises
    ------
    DataError
        If there are none or too many, their size is wrong, or a number is not finite.
    """
    row = 4 * math.prod(shape)
    if not body or len(body) % row:
        raise DataError(
            f"The body has {len(body):,} bytes",
            expected=f"{what} of the shape {tuple(shape)} as float32, {row:,} bytes each",
        )
    values = np.frombuffer(body, "<f4").reshape(-1, *shape).astype(np.float32)
    if len(values) > max_rows:
        raise DataError(f"There are {len(values):,} {what}", expected=f"{max_rows:,} at most")
    if not np.isfinite(values).all():
        raise DataError(f"A number of the {what} is NaN or infinite", expected="finite numbers")
    return values


def read_number(what: str, text: str, least: int, most: int) -> int:
    """Read a whole number of a query or an address.

    Raises
    ------
    ConfigError
        If it is none, or is out of bounds.
    """
    is_number = text.isascii() and text.isdecimal() and len(text) < 12
    if not is_number or not least <= int(text) <= most:
        raise ConfigError(f"{what} is {text!r}", expected=f"a whole number from {least} to {most}")
    return int(text)


def pack(array: Array) -> memoryview:
    """Return an array as little-endian bytes, without a copy where it is stored so."""
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return little.reshape(-1).view(np.uint8).data
