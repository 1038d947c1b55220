"""Stores on disk: what is known of all their examples is found by one pass, and kept."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.config import DataConfig
from latentscape.core.ranges import Extent
from latentscape.core.records import Array
from latentscape.core.stores import ImageStore
from latentscape.data.contents import Contents, Encoded
from latentscape.data.conversion import arrange_axes, compact_dtype
from latentscape.data.formats.encoded_images import stack_images
from latentscape.data.imaging import as_asked
from latentscape.data.regions import RegionFile, Stamp, changed
from latentscape.data.streams import Layout


@dataclass(frozen=True)
class Known:
    """What is known of all examples, from the pass that was made when they were opened first.

    Attributes
    ----------
    layout : Layout
        What all of them are brought to.
    extent : Extent
        Of all values.
    digests : dict of str to str
        Digests, by what stands before and after the values; see `ends`.
    remember : callable, optional
        Called with all known digests once there is a new one.
    """

    layout: Layout
    extent: Extent
    digests: dict[str, str] = field(default_factory=dict)
    remember: Callable[[dict[str, str]], None] | None = None


class DiskStore(ImageStore):
    """Examples that are read when they are needed.

    Parameters
    ----------
    count : int
        Number of examples.
    known : Known
        What is known of them.
    """

    def __init__(self, count: int, known: Known) -> None:
        self.shape, self.dtype = (count, *known.layout.shape), np.dtype(known.layout.dtype)
        self._known, self._digests = known, known.digests

    @property
    def extent(self) -> Extent:
        """What is known of all values."""
        return self._known.extent

    def digest(self, before: bytes, after: bytes) -> str:
        """Return the SHA-256 of all values; a pass over them is made once only."""
        key = ends(before, after)
        if key not in self._digests:
            self._digests = {**self._digests, key: super().digest(before, after)}
            if self._known.remember is not None:
                self._known.remember(self._digests)
        return self._digests[key]


def ends(before: bytes, after: bytes) -> str:
    """Name a digest by what stands before and after the values."""
    return hashlib.sha256(b"%d " % len(before) + before + after).hexdigest()


class MappedStore(DiskStore):
    """Examples in files of plain numbers, which are mapped into memory and never copied whole.

    Processes that use the same file share what is in memory of it.

    Parameters
    ----------
    files : sequence of RegionFile
        One after the other they hold all examples.
    shape : tuple of int or None
        As ``data.shape``: how stored examples are laid out.
    channels_first : bool
        Four axes are known to be (N, C, H, W).
    known : Known
        What is known of them.
    """

    kind = "mapped"

    def __init__(
        self,
        files: Sequence[RegionFile],
        shape: tuple[int, ...] | None,
        channels_first: bool,
        known: Known,
    ) -> None:
        starts = np.cumsum([0, *(len(file.region) for file in files)])
        super().__init__(int(starts[-1]), known)
        self._files, self._starts = files, starts
        self._arranged = shape, channels_first

    def take(self, index: NDArray[np.int64]) -> Array:
        """Return a copy (B, ...) of the examples at the places (B,), in that order."""
        if len(self._files) == 1:
            return self._final(self._files[0].take(index))
        taken = np.empty((len(index), *self.shape[1:]), self.dtype)
        index = np.where(index < 0, index + len(self), index)
        of_file = np.searchsorted(self._starts, index, side="right") - 1
        for number, file in enumerate(self._files):
            rows = of_file == number
            taken[rows] = self._final(file.take(index[rows] - self._starts[number]))
        return taken

    def read(self, start: int, stop: int) -> Array:
        """Return the examples from `start` up to `stop`."""
        parts = []
        for first, last, file in zip(self._starts, self._starts[1:], self._files, strict=False):
            begin, end = max(start, first), min(stop, last)
            if begin < end or len(self._files) == 1:
                parts.append(self._final(file.read(int(begin - first), int(end - first))))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _final(self, values: Array) -> Array:
        """Bring stored values to their final axes and type; a copy only where these differ."""
        shape, channels_first = self._arranged
        origin = str(self._files[0].region.path)
        arranged = arrange_axes(values, shape, origin, channels_first)
        return np.ascontiguousarray(arranged, self.dtype)


class EncodedStore(DiskStore):
    """Images that are decoded by several threads whenever they are needed.

    Parameters
    ----------
    open_again : callable
        Opens the source, with at most so many examples in a batch.
    config : DataConfig
        ``shape``, ``resize`` and ``grey`` are applied.
    known : Known
        What is known of them.
    """

    kind = "encoded"

    def __init__(
        self, open_again: Callable[[int], Contents], config: DataConfig, known: Known
    ) -> None:
        self._anew = open_again, config, known
        encoded = open_again(1).encoded
        assert encoded is not None  # Nothing else is stored so.
        super().__init__(encoded.count, known)
        self._encoded, self._config = encoded, config
        self._stamps = _stamps(encoded)
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, "decoding")

    def take(self, index: NDArray[np.int64]) -> Array:
        """Decode the images at the places (B,), in that order."""
        if not len(index):
            return np.empty((0, *self.shape[1:]), self.dtype)
        places = np.where(index < 0, index + len(self), index).tolist()
        images = list(self._pool.map(self._decode, places))
        names = [self._encoded.name(place) for place in places]
        values = compact_dtype(stack_images(images, names), names[0])
        arranged = arrange_axes(values, self._config.shape, names[0], channels_first=True)
        images_asked = as_asked(arranged, self._config, names[0], self._config.range)
        return self._known.layout.applied(images_asked)

    def read(self, start: int, stop: int) -> Array:
        """Decode the images from `start` up to `stop`."""
        return self.take(np.arange(start, stop))

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the source anew in another process."""
        return EncodedStore, self._anew

    def _decode(self, place: int) -> Array:
        file, stamp = self._encoded.file(place), self._stamps[place % len(self._stamps)]
        now = _stamp(file)
        if now is not None and now != stamp:
            raise changed(file, stamp, now)
        return self._encoded.decode(place)


def _stamps(encoded: Encoded) -> list[Stamp]:
    """Look at the file of each image; at one file where all images are in it."""
    files = 1 if encoded.is_archive else encoded.count
    return [Stamp.of(encoded.file(place)) for place in range(files)]


def _stamp(file: Path) -> Stamp | None:
    """Look at a file; None where it is gone, which its reader puts into words."""
    try:
        return Stamp.of(file)
    except OSError:
        return None
