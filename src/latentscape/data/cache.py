"""The cache folder, and arrays that are converted once and then read from it."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.core.errors import DataError, RunError
from latentscape.core.files import write_atomic
from latentscape.core.records import Array
from latentscape.data.arrays import load_arrays


def cache_folder() -> Path:
    """Return ``$LATENTSCAPE_CACHE``, or the folder that the operating system has for caches."""
    folder = os.environ.get("LATENTSCAPE_CACHE")
    if folder:
        return Path(folder).expanduser()
    import pooch

    return Path(pooch.os_cache("latentscape"))


def cached_arrays(
    name: str, build: Callable[[], Mapping[str, Array]], sha256: str
) -> dict[str, Array]:
    """Load arrays from the cache; build and store them if they are missing or others.

    If the cache cannot be written, they are built each time.

    Parameters
    ----------
    name : str
        Name of the cache file, without suffix. It must change when `build` does.
    build : callable
        Returns the arrays by name.
    sha256 : str
        The `checksum` of the arrays.

    Returns
    -------
    dict of str to ndarray
        The arrays.

    Raises
    ------
    DataError
        If arrays other than the known ones are built.
    """
    path = cache_folder() / f"{name}.npz"
    with contextlib.suppress(DataError):
        cached = load_arrays(path)
        if checksum(cached) == sha256:
            return cached
    arrays: dict[str, Any] = dict(build())
    if (actual := checksum(arrays)) != sha256:
        raise DataError(
            f"What is installed holds other arrays than those of {name}: SHA-256 {actual[:12]}",
            expected=sha256[:12],
            fix="Install the package that carries them again, in a version of today.",
        )
    with contextlib.suppress(RunError):
        write_atomic(path, lambda temporary: np.savez(temporary, **arrays))
    return arrays


def checksum(arrays: Mapping[str, Array]) -> str:
    """SHA-256 over names, types, shapes and values of arrays, in the order of their names."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
