"""Zarr arrays and groups of them, in folders or zip files (extra ``zarr``)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, LatentscapeError
from latentscape.core.extras import require
from latentscape.data.contents import Contents, Examples
from latentscape.data.formats.named_arrays import contents_of_arrays

_METADATA = ("zarr.json", ".zarray", ".zgroup")


def is_zarr(path: Path) -> bool:
    """Tell a folder of Zarr by the metadata in it, and a zip file by its name."""
    name = path.name.lower()
    if path.is_dir():
        return name.endswith(".zarr") or any((path / file).is_file() for file in _METADATA)
    return name.endswith((".zarr.zip", ".zarr"))


def read_zarr(path: Path, config: DataConfig, size: int) -> Contents:
    """Read an array, or the arrays of a group as `contents_of_arrays` finds them; see `Reader`.

    Chunks are read when they are needed. Arrays whose chunks are pickles are refused.
    """
    with _whole(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about files beside the metadata, and old versions
        arrays = _arrays(path)
        for name, array in arrays.items():
            if "pickle" in str(array.metadata):
                raise DataError(
                    f"{path} holds pickled objects in {name or 'its array'}, "
                    "which can run any program",
                    expected="arrays of numbers",
                )
        contents = contents_of_arrays(arrays, path, config, size)
    return replace(contents, batches=_guarded(contents.batches, path))


def _arrays(path: Path) -> dict[str, Any]:
    zarr = require("zarr", "zarr", f"Reading {path}")
    store = zarr.storage.ZipStore(path, mode="r") if path.is_file() else path
    opened = zarr.open(store, mode="r")
    if isinstance(opened, zarr.Array):
        return {"": opened}
    members = opened.members(max_depth=None)
    return {name: item for name, item in sorted(members) if isinstance(item, zarr.Array)}


def _guarded(batches: Iterator[Examples], path: Path) -> Iterator[Examples]:
    with _whole(path):
        yield from batches


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except LatentscapeError:  # already in words
        raise
    except Exception as error:  # noqa: BLE001  Each codec raises errors of its own.
        raise DataError(
            f"{path} cannot be read as Zarr: {str(error) or type(error).__name__}",
            expected="a whole array or group of Zarr",
        ) from error
