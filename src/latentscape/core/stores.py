"""Where the images of a dataset are kept; whoever looks at all of them goes over them in chunks."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentscape.core.findings import Record
from latentscape.core.memory import check_memory
from latentscape.core.ranges import Extent

StoreKind = Literal["resident", "mapped", "encoded"]
"""In memory; in a file of plain numbers, of which parts are read; as image files, which are decoded
when they are needed."""

StoreReason = Literal["memory", "setting", "small", "large", "no_room"]
"""Why a store is of its kind: the data came in memory; a setting says so; they take little of the
memory that is free; they take much of it; or they take much, and there is no room for packing
them."""


class Kept(Record):
    """Where images are kept, and why there.

    Attributes
    ----------
    kind, reason : str
        See `StoreKind` and `StoreReason`.
    n_bytes : int
        What all images take there, or would take as plain numbers.
    """

    kind: StoreKind
    reason: StoreReason
    n_bytes: int


CHUNK = 1 << 24
"""Bytes of a chunk: little beside a model, and much beside what a chunk costs."""

Values = NDArray[Any]
Indices = NDArray[np.int64]


class ImageStore(ABC):
    """Images or plain vectors by their places, wherever they are kept.

    A subclass has the attributes, and reads. To those who only look it is an array: ``len``,
    ``shape``, ``dtype``, ``store[rows]`` and ``numpy.asarray(store)``, which takes memory for all.

    Attributes
    ----------
    kind : str
        See `StoreKind`.
    shape : tuple of int
        (N, C, H, W) or (N, D).
    dtype : dtype
        uint8 or float32.
    """

    kind: StoreKind
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def take(self, index: Indices) -> Values:
        """Return a copy (B, ...) of the examples at the places (B,), in that order."""

    @abstractmethod
    def read(self, start: int, stop: int) -> Values:
        """Return the examples from `start` up to `stop`; nobody may write into them."""

    def chunks(self, n: int | None = None, index: Indices | None = None) -> Iterator[Values]:
        """Yield examples (up to n, ...) in order, so that memory does not grow with their number.

        Parameters
        ----------
        n : int, optional
            How many at once; by default about 16 MB of them.
        index : ndarray of int64, optional
            The places of those to yield, in that order; by default all.
        """
        n = n or max(1, CHUNK // max(1, self.example_bytes))
        count = len(self) if index is None else len(index)
        for start in range(0, count, n):
            stop = min(start + n, count)
            yield self.read(start, stop) if index is None else self.take(index[start:stop])

    @property
    def example_bytes(self) -> int:
        """Bytes of one example."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all examples, in memory or not."""
        return len(self) * self.example_bytes

    @property
    def ndim(self) -> int:
        """Number of axes, with that of the examples."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values in all examples."""
        return math.prod(self.shape)

    @cached_property
    def extent(self) -> Extent:
        """The smallest and the largest value, and what else is known of all of them."""
        extent: Extent | None = None
        for chunk in self.chunks():
            extent = Extent.of(chunk).joined(extent)
        return extent or Extent.of(np.empty(0, self.dtype))

    def digest(self, before: bytes, after: bytes) -> str:
        """Return the SHA-256 of all values in order, between what stands before and after them."""
        digest = hashlib.sha256(before)
        for chunk in self.chunks():
            digest.update(np.ascontiguousarray(chunk).data)
        digest.update(after)
        return digest.hexdigest()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Values:
        """Return a copy of one example or several: a number, a slice, a mask, as of an array."""
        if isinstance(rows, tuple):
            return np.asarray(self)[rows].copy()
        places = np.arange(len(self), dtype=np.int64)[rows]
        taken = self.take(places.reshape(-1))
        return taken.reshape(*places.shape, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        """Return all examples as one array in memory, if there is memory for them."""
        check_memory(
            f"One array of all {len(self):,} examples",
            self.nbytes,
            "Use some of them (images.take(index)), or one chunk after another (images.chunks()).",
        )
        whole = np.empty(self.shape, self.dtype)
        start = 0
        for chunk in self.chunks():
            whole[start : start + len(chunk)] = chunk
            start += len(chunk)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<{self.kind} images of shape {self.shape}, {self.dtype}>"


class ResidentStore(ImageStore):
    """All examples in one array in memory.

    Parameters
    ----------
    array : ndarray
        (N, ...); it is not copied. Only what cannot do without all of it asks for the attribute of
        this name: the loader, which takes batches from it with one call each.
    """

    kind = "resident"

    def __init__(self, array: Values) -> None:
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype

    def take(self, index: Indices) -> Values:
        """Return a copy (B, ...) of the examples at the places (B,), in that order."""
        taken: Values = self.array[index]
        return taken

    def read(self, start: int, stop: int) -> Values:
        """Return a view of the examples from `start` up to `stop`."""
        return self.array[start:stop]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        """Return the array itself, unless a copy or another type is asked for."""
        return (
            np.array(self.array, dtype, copy=bool(copy)) if copy else np.asarray(self.array, dtype)
        )
