"""Arrays that may be larger than memory: above a size they are temporary files, mapped into it."""

import errno
import os
from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from latentscape.core.cache import cache_folder
from latentscape.core.errors import RunError
from latentscape.core.units import memory_size

MAX_RESIDENT = 1 << 26
"""Bytes up to which an array stays in memory: 64 MiB."""


def scratch(shape: Sequence[int], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array to be filled: in memory, or above 64 MiB in a temporary file.

    The file stands in the folder of the cache, because the folder of temporary files is kept in
    memory on some systems. It is gone with the last array that uses it, even where the process is
    killed. What was written and is not in use costs no memory: the system writes it to disk.

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


def _reserve(file: BinaryIO, size: int) -> None:
    """Take the space now: a disk that is full later would end the process without a word."""
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except (AttributeError, OSError) as error:  # Not every system and file system can.
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        file.truncate(size)
