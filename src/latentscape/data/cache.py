"""The cache folder, and arrays that are converted once and then read from it."""

import contextlib
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


def cached_arrays(name: str, build: Callable[[], Mapping[str, Array]]) -> dict[str, Array]:
    """Load arrays from the cache; build and store them if they are missing or damaged.

    If the cache cannot be written, they are built each time.

    Parameters
    ----------
    name : str
        Name of the cache file, without suffix. It must change when `build` does.
    build : callable
        Returns the arrays by name.

    Returns
    -------
    dict of str to ndarray
        The arrays.
    """
    path = cache_folder() / f"{name}.npz"
    # Reading a member of a .npz file checks its CRC, so a damaged one is noticed.
    with contextlib.suppress(DataError):
        return load_arrays(path)
    arrays: dict[str, Any] = dict(build())
    with contextlib.suppress(RunError):
        write_atomic(path, lambda temporary: np.savez(temporary, **arrays))
    return arrays
