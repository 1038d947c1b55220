"""Temporary files in the cache: of arrays that may be larger than memory, and for processes.

The folder of temporary files is no place for them: on some systems it is kept in memory.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile, mkstemp
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from latentscape.core.cache import cache_folder
from latentscape.core.errors import RunError
from latentscape.core.locks import take_lock
from latentscape.core.units import memory_size

MAX_RESIDENT = 1 << 26
"""Bytes up to which an array stays in memory: 64 MiB."""


def scratch(shape: Sequence[int], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array to be filled: in memory, or above 64 MiB in a temporary file.

    The file is gone with the last array that uses it, even where the process is killed. What was
    written and is not in use costs no memory: the system writes it to disk.

    Parameters
    ----------
    shape : sequence of int
        Of the array.
    dtype : dtype
        Of its values.

    Raises
    ------
    RunError
        If there is no room on the disk.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size <= MAX_RESIDENT:
        return np.empty(shape, dtype)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            _reserve(file, size)
            mapped = np.memmap(file, dtype, "r+", shape=tuple(shape))
    except OSError as error:
        raise RunError(
            f"A temporary file of {memory_size(size)} cannot be written to {folder}: "
            f"{error.strerror}",
            fix="Make room there, or name another folder: LATENTSCAPE_CACHE=FOLDER.",
        ) from error
    return mapped.view(np.ndarray)


def stacked(parts: Iterable[NDArray[Any]], shape: Sequence[int]) -> NDArray[Any]:
    """Return rows that come in parts as one array of float32; see `scratch`.

    Parameters
    ----------
    parts : iterable of ndarray
        (m, ...) each; only one of them is in memory at once.
    shape : sequence of int
        Of all rows together.
    """
    whole, start = scratch(shape), 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    return whole


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Yield a folder for files that other processes open too; it is gone after the block.

    Folders that processes have left which were killed go first.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    home = cache_folder() / "shared"
    home.mkdir(parents=True, exist_ok=True)
    for lock in home.glob("*.lock"):
        with suppress(OSError):
            _remove_left(lock)
    held, name = mkstemp(dir=home)
    lock, folder = Path(f"{name}.lock"), Path(f"{name}.files")
    try:
        take_lock(held)
        os.rename(name, lock)  # Nobody sees it before it is held.
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(held)


def _remove_left(lock: Path) -> None:
    """Remove a folder whose lock nobody holds."""
    held = os.open(lock, os.O_RDWR)
    try:
        if take_lock(held):
            shutil.rmtree(lock.with_suffix(".files"), ignore_errors=True)
            lock.unlink()
    finally:
        os.close(held)


def _reserve(file: BinaryIO, size: int) -> None:
    """Take the space now: a disk that is full later would end the process without a word."""
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except (AttributeError, OSError) as error:  # Not every system and file system can.
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        file.truncate(size)
