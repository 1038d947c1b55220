"""The folder for what is made or downloaded once: what it holds, and what goes where it is full."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from latentscape.core.errors import RunError
from latentscape.core.files import set_aside
from latentscape.core.locks import take_lock

SHARE = 0.25
"""Share of their disk that packed images take at most, all together."""

_LEFT = 24 * 3600.0
"""Seconds after which a folder that is half written has been left by a process that was killed."""

Kind = Literal["images", "judge", "data"]

STORES = "stores"
"""Folder of the cache for packed images."""

FETCHED = "fetched"
"""Folder of the cache for what was fetched from URLs."""

KERNELS = ".kernels"
"""How folders for compiled kernels begin, one of each user: hidden, and tens of kilobytes."""


def cache_folder() -> Path:
    """Return ``$LATENTSCAPE_CACHE``, or the folder that the operating system has for caches."""
    folder = os.environ.get("LATENTSCAPE_CACHE")
    if folder:
        return Path(folder).expanduser()
    import pooch

    return Path(pooch.os_cache("latentscape"))


@dataclass(frozen=True)
class Cached:
    """Something in the cache.

    Attributes
    ----------
    path : Path
        A file, or a folder.
    kind : str
        ``images``: packed, or what is known of them. ``judge``: a classifier of the evaluation.
        ``data``: what was fetched.
    n_bytes : int
        What it takes on the disk.
    used : float
        When it was used last, in seconds of the epoch.
    """

    path: Path
    kind: Kind
    n_bytes: int
    used: float

    def remove(self) -> bool:
        """Remove it, unless a process uses it; return whether it is gone."""
        with suppress(OSError, RunError):
            with ExitStack() as stack:
                if not all(_lock(file, stack) for file in _files(self.path)):
                    return False
                gone = set_aside(self.path)
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
            return True
        return False


def _lock(file: Path, stack: ExitStack) -> bool:
    """Let no process begin to use a file, or tell that one does; see `latentscape.core.locks`."""
    opened = os.open(file, os.O_RDONLY)
    stack.callback(os.close, opened)
    return take_lock(opened) is not False


def cached() -> list[Cached]:
    """Return what the cache holds, what was used least recently first."""
    home = cache_folder()
    stores = [_cached(path, "images") for path in _entries(home / STORES)]
    others = [
        _cached(path, "judge" if path.suffix == ".safetensors" else "data")
        for path in (*_entries(home), *_entries(home / FETCHED))
        if path.name not in (STORES, FETCHED, "shared") and not path.name.startswith(".")
    ]
    return sorted((*stores, *others), key=lambda item: item.used)


def mark_used(file: Path) -> None:
    """Note that something of the cache is used now."""
    with suppress(OSError):
        os.utime(file)


def images_limit() -> float:
    """Return how many bytes packed images may take, all together."""
    return SHARE * shutil.disk_usage(_above(cache_folder())).total


def room() -> float:
    """Return how many bytes the disk of the cache has left."""
    return float(shutil.disk_usage(_above(cache_folder())).free)


def make_room(n_bytes: float) -> None:
    """Remove packed images that are too much beside others of a size, unless a process uses them.

    What was used least recently goes first.
    """
    images = [item for item in cached() if item.kind == "images"]
    begun = [item for item in images if item.path.name.startswith(".")]
    for item in begun:
        if item.used < time.time() - _LEFT:
            item.remove()
    too_much = n_bytes + sum(item.n_bytes for item in images) - images_limit()
    for item in images:
        if too_much > 0 and item not in begun and item.remove():
            too_much -= item.n_bytes


def _cached(path: Path, kind: Kind) -> Cached:
    n_bytes, used = 0, 0.0
    for file in _files(path):
        with suppress(OSError):
            status = os.stat(file)
            n_bytes, used = n_bytes + status.st_size, max(used, status.st_mtime)
    return Cached(path, kind, n_bytes, used)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def _above(folder: Path) -> Path:
    """Return a folder, or the closest one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
