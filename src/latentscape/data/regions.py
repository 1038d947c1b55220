"""Plain numbers in files: where they stand, and reading some of them."""

import math
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Lock
from typing import Any, Self
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError
from latentscape.core.locks import is_file_at, take_lock
from latentscape.core.records import Array
from latentscape.core.stores import CHUNK
from latentscape.data.compression import unreadable


@dataclass(frozen=True)
class Region:
    """Examples in a file, one after the other, as plain numbers.

    Attributes
    ----------
    path : Path
        The file.
    offset : int
        Bytes in front of them.
    shape : tuple of int
        (N, ...) as stored.
    dtype : dtype
        Of any numeric type and byte order.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def example_bytes(self) -> int:
        """Bytes of one example."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all examples."""
        return len(self) * self.example_bytes

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Array:
        """Read the examples of these rows."""
        start, stop, _ = rows.indices(len(self))
        file = RegionFile(self)
        try:
            return file.read(start, max(start, stop))
        finally:
            file.close()


def region_of(array: Array) -> Region | None:
    """Return where an array stands in a file that somebody has mapped; None of all others.

    It may be a view of the mapped array, as long as its examples stand one after the other.
    """
    owner: Any = array
    while isinstance(owner, np.ndarray) and not isinstance(owner.base, mmap):
        owner = owner.base
    if not isinstance(owner, np.memmap) or owner.filename is None or owner.mode == "c":
        return None  # A copy on write is not what the file holds.
    if array.ndim < 2 or not len(array) or not array.flags.c_contiguous:
        return None
    if owner.mode != "r":
        owner.flush()  # Only then the system notes that somebody has written, and when.
    offset = owner.offset + array.ctypes.data - owner.ctypes.data
    region = Region(Path(owner.filename), offset, array.shape, array.dtype)
    return region if _stands_there(array, region) else None


def _stands_there(array: Array, region: Region) -> bool:
    """Whether a file is still what is mapped: another may have taken its place.

    Where the system does not say so, all values are compared.
    """
    if _is_mapped_from(array.ctypes.data, region.path):
        return True
    step = max(1, CHUNK // max(1, region.example_bytes))
    rows = (slice(start, start + step) for start in range(0, len(array), step))
    try:
        return all(region[some].tobytes() == array[some].tobytes() for some in rows)
    except DataError:
        return False


def _is_mapped_from(address: int, path: Path) -> bool:
    """Whether the system says that the file at a path is mapped at an address (Linux alone)."""
    with suppress(OSError), open("/proc/self/maps", encoding="utf-8") as maps:
        for span, _, _, device, inode, *_ in map(str.split, maps):
            low, high = (int(end, 16) for end in span.split("-"))
            if low <= address < high:
                major, minor = (int(number, 16) for number in device.split(":"))
                status = os.stat(path)
                return (status.st_dev, status.st_ino) == (os.makedev(major, minor), int(inode))
    return False


@dataclass(frozen=True)
class Stamp:
    """Tells whether a file is what it was.

    Attributes
    ----------
    size : int
        In bytes.
    modified : int
        When it was written to last, in nanoseconds.
    """

    size: int
    modified: int

    @classmethod
    def of(cls, file: Path | int) -> Self:
        """Look at a path, or at a file that is open."""
        status = os.stat(file)
        return cls(status.st_size, status.st_mtime_ns)


class RegionFile:
    """A region in an open file: as long as it is open, nobody can take the file away.

    Before each look at it the file is compared with what it was. Whoever looks at a part of a
    mapped file that has been cut off is ended by the system, and values that have changed would go
    unnoticed.

    Parameters
    ----------
    region : Region
        Where the examples stand.
    stamp : Stamp, optional
        What the file was when it was looked at first; by default what it is now.

    Raises
    ------
    DataError
        If the file cannot be opened, or is not what it was.
    """

    def __init__(self, region: Region, stamp: Stamp | None = None) -> None:
        self.region = region
        try:
            number = os.open(region.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise unreadable(region.path, error) from error
        self.close = finalize(self, os.close, number)
        self._file = open(number, "rb", buffering=0, closefd=False)  # noqa: SIM115
        self.stamp = stamp or Stamp.of(number)
        self._check()
        if self.stamp.size < region.offset + region.nbytes:
            self.close()
            raise DataError(
                f"{region.path} is {self.stamp.size:,} bytes long, and declares "
                f"{region.offset + region.nbytes:,}",
                expected="a whole file",
            )
        self._map: Array | None = None
        self._lock = Lock()

    def take(self, index: NDArray[np.int64]) -> Array:
        """Copy the examples at places (B,), as they are stored."""
        if self._map is None:
            content = mmap(self._file.fileno(), 0, access=ACCESS_READ)
            region = self.region
            self._map = np.ndarray(region.shape, region.dtype, content, region.offset)
        self._check()
        taken: Array = self._map[index]
        return taken

    def read(self, start: int, stop: int) -> Array:
        """Read the examples from `start` up to `stop`, as they are stored.

        What is read does not count as memory of this process, as what is mapped would.
        """
        values = np.empty((stop - start, *self.region.shape[1:]), self.region.dtype)
        left = values.reshape(-1).view(np.uint8).data
        with self._lock:
            self._check()
            self._file.seek(self.region.offset + start * self.region.example_bytes)
            while left and (count := self._file.readinto(left)):
                left = left[count:]
        if left:
            raise self._changed(Stamp.of(self._file.fileno()))
        return values

    def hold(self) -> None:
        """Let nobody remove the file from the cache while it is open here.

        Raises
        ------
        DataError
            If somebody was faster.
        """
        while take_lock(self._file.fileno(), shared=True) is False:
            time.sleep(0.01)  # Who removes it holds it for as long as it takes to rename it.
        if not is_file_at(self.region.path, self._file.fileno()):
            raise DataError(
                f"{self.region.path} has just been removed from the cache",
                fix="Give the command again: it is made anew.",
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the file anew in another process, which shares what is mapped of it."""
        return RegionFile, (self.region, self.stamp)

    def _check(self) -> None:
        now = Stamp.of(self._file.fileno())
        if now != self.stamp:
            raise self._changed(now)

    def _changed(self, now: Stamp) -> DataError:
        return changed(self.region.path, self.stamp, now)


def changed_source(origin: str) -> DataError:
    """Build the error for a source that has changed while it was gone over."""
    return DataError(
        f"{origin} has changed while it was read",
        expected="files that stay as they are while they are read",
        fix="Give the command again once nobody writes there.",
    )


def changed(path: Path, before: Stamp, now: Stamp) -> DataError:
    """Build the error for a file that has changed while it was in use."""
    sizes = f"it had {before.size:,} bytes and has {now.size:,}"
    return DataError(
        f"{path} has changed since it was opened: "
        f"{sizes if before.size != now.size else 'it has been written to'}",
        expected="a file that stays as it is while it is used",
        fix="What was saved before is not lost. Put the file back as it was and go on from there, "
        "or begin anew with the file as it is.",
    )
