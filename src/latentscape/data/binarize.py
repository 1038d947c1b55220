"""Binarisation: each pixel becomes black or white at random, white with its grey level as odds."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.core.records import Array, Dataset, Split
from latentscape.core.stores import ImageStore, Indices, ResidentStore
from latentscape.data.statistics import check_unit_range

_CHUNK = 1000  # part of the result: each chunk of examples has a generator of its own
_PIXELS = 4  # purpose of the generator; those of ``splits`` are numbered 0 to 3


def binarize_split(split: Split, mode: str, seed: int | None = None) -> Split:
    """Replace grey pixels by black and white ones, drawn at random.

    Parameters
    ----------
    split : Split
        Grey examples within the range of the dataset.
    mode : str
        ``none`` draws nothing, ``static`` every example; ``dynamic`` all but the training part,
        which training itself draws anew in every epoch (Burda et al. 2016; Salakhutdinov and Murray
        2008).
    seed : int, optional
        Seed of the draws; by default the split's own.

    Returns
    -------
    Split
        The same examples in the same parts. The draw of an example depends on the seed and
        on its place in the dataset alone, so that a smaller split has the same pixels.

    Raises
    ------
    DataError
        If values leave the range that stands for 0 to 1.
    """
    if mode == "none":
        return split
    check_unit_range(split.dataset)
    parts = [split.validation, split.test]
    if mode == "static":
        parts.append(split.train)
    seed = split.seed if seed is None else seed
    grey = split.grey or split.dataset
    return replace(split, grey=grey, dataset=_binarize(split.dataset, np.concatenate(parts), seed))


def _binarize(dataset: Dataset, index: Indices, seed: int) -> Dataset:
    selected = np.zeros(len(dataset), bool)
    selected[index] = True
    drawn = BinarisedStore(dataset.images, selected, dataset.value_range, seed)
    # What is in memory is drawn once, so that batches are taken as fast as others.
    in_memory = isinstance(dataset.images, ResidentStore)
    return replace(dataset, images=drawn.read(0, len(drawn)) if in_memory else drawn)


class BinarisedStore(ImageStore):
    """Images of another store, some of them drawn black or white whenever they are read.

    Parameters
    ----------
    grey : ImageStore
        The images before.
    selected : ndarray of bool
        (N,) which of them are drawn. The others stay grey.
    value_range : tuple of float
        The stored values of black and white.
    seed : int
        Seed of the draws.
    """

    def __init__(
        self,
        grey: ImageStore,
        selected: NDArray[np.bool_],
        value_range: tuple[float, float],
        seed: int,
    ) -> None:
        self.kind, self.shape, self.dtype = grey.kind, grey.shape, grey.dtype
        self._grey, self._selected = grey, selected
        self._range, self._seed = value_range, seed
        self._values = math.prod(grey.shape[1:])
        self._states: dict[int, Any] = {}

    def take(self, index: Indices) -> Array:
        """Return a copy (B, ...) of the examples at the places (B,), drawn."""
        images = self._grey.take(index)
        rows = np.flatnonzero(self._selected[index])
        uniform = np.empty((len(rows), *self.shape[1:]), np.float32)
        source = np.random.PCG64(0)
        for row, place in enumerate((index[rows] % len(self)).tolist()):
            uniform[row] = self._uniform(source, place, 1)
        images[rows] = self._drawn(images[rows], uniform)
        return images

    def read(self, start: int, stop: int) -> Array:
        """Return the examples from `start` up to `stop`, drawn."""
        images, source = self._grey.read(start, stop).copy(), np.random.PCG64(0)
        for first in range(start - start % _CHUNK, stop, _CHUNK):
            begin, end = max(start, first), min(stop, first + _CHUNK)
            chunk, mask = images[begin - start : end - start], self._selected[begin:end]
            if mask.any():
                # All of them are drawn, so that a pixel does not depend on which are selected.
                drawn = self._drawn(chunk, self._uniform(source, begin, end - begin))
                chunk[mask] = drawn[mask]
        return images

    def _uniform(self, source: np.random.PCG64, place: int, count: int) -> Array:
        """Return the random numbers (count, ...) of consecutive examples of one chunk.

        One generator yields those of all its examples, one after the other, and two numbers at a
        time.
        """
        source.state = self._state(place - place % _CHUNK)
        skipped, size = place % _CHUNK * self._values, count * self._values
        source.advance(skipped // 2)
        numbers = np.random.Generator(source).random(skipped % 2 + size, dtype=np.float32)
        return numbers[skipped % 2 :].reshape(count, *self.shape[1:])

    def _state(self, chunk: int) -> Any:
        """Return the state in which the generator of a chunk begins; to seed one takes long."""
        if chunk not in self._states:
            self._states[chunk] = np.random.PCG64([self._seed, _PIXELS, chunk]).state
        return self._states[chunk]

    def _drawn(self, images: Array, uniform: Array) -> Array:
        low, high = self._range
        white = uniform < (images.astype(np.float32) - low) / (high - low)
        return np.where(white, high, low).astype(images.dtype)
