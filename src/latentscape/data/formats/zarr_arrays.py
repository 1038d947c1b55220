"""Zarr arrays and groups of them, in folders or zip files (extra ``zarr``)."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.extras import require
from latentscape.data.contents import Contents, Examples
from latentscape.data.damage import refusing_damage
from latentscape.data.formats.named_arrays import contents_of_arrays
from latentscape.data.limits import check_data_memory

_BLOSC_HEADER = struct.Struct("<4xIII")
"""Of a chunk: the bytes that it becomes, those of a block, and its own."""

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
            if "pickle" in str(array.metadata).lower():
                raise DataError(
                    f"{path} holds pickled objects in {name or 'its array'}, "
                    "which can run any program",
                    expected="arrays of numbers",
                )
            codecs = str(array.metadata).lower()
            if path.is_dir() and "blosc" in codecs and "sharding" not in codecs:
                _check_blosc(path / name)
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


def _check_blosc(folder: Path) -> None:
    """Refuse chunks whose header does not fit: Blosc believes it, and crashes on damaged ones.

    https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst describes it.
    """
    for file in folder.rglob("*"):
        if file.name in (*_METADATA, ".zattrs", ".zmetadata") or not file.is_file():
            continue
        with file.open("rb") as chunk:
            header = chunk.read(_BLOSC_HEADER.size)
        size = file.stat().st_size
        if len(header) < _BLOSC_HEADER.size:
            raise ValueError(f"its chunk {file.name} is {size} bytes long")
        unpacked, block, packed = _BLOSC_HEADER.unpack(header)
        check_data_memory(f"A chunk of {folder}", unpacked)
        if packed != size or not 0 < block <= unpacked:
            raise ValueError(f"the header of its chunk {file.name} does not fit")


def _guarded(batches: Iterator[Examples], path: Path) -> Iterator[Examples]:
    with _whole(path):
        yield from batches


def _whole(path: Path) -> AbstractContextManager[None]:
    # Each codec raises errors of its own.
    return refusing_damage(path, "Zarr", (Exception,), "a whole array or group of Zarr")
