"""Files that unpack into, or declare, more than there is are refused within a bound of memory."""

import gzip
import os
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import load_dataset
from latentscape.data.formats import csv_tables
from memory import peak_memory

FREE = 10_000_000
"""Bytes of memory that the tests pretend to have; all bombs are larger."""


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentscape.data.limits.available_memory", lambda: FREE)


def _idx(count: int) -> bytes:
    return struct.pack(">HBB3I", 0, 8, 3, count, 1000, 1000)


def _gzipped_idx(path: Path) -> None:
    path.write_bytes(gzip.compress(_idx(60) + bytes(60_000_000), 1))


def _gzipped_zeros(path: Path) -> None:
    """Write a file that declares little, and holds much more."""
    path.write_bytes(gzip.compress(_idx(1) + bytes(60_000_000), 1))


def _npz(path: Path) -> None:
    np.savez_compressed(path, images=np.zeros((60, 1000, 1000), np.uint8))


def _npz_that_declares_too_little(path: Path) -> None:
    np.savez_compressed(path, images=np.zeros((60, 1000, 1000), np.uint8))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = struct.pack("<I", archive.infolist()[0].file_size)
    path.write_bytes(content.replace(size, struct.pack("<I", 3000)))


def _large_parquet(path: Path) -> None:
    """Write the same in row groups that fit into memory one by one."""
    column = pa.array(np.zeros(1_000_000, np.float32))
    table = pa.table({f"pixel{index}": column for index in range(9)})
    parquet.write_table(table, path, row_group_size=1 << 16)


def _parquet(path: Path) -> None:
    """Write two numbers a million times over, which run-length encoding makes small."""
    column = pa.array(np.zeros(1_000_000, np.float32))
    parquet.write_table(pa.table({f"pixel{index}": column for index in range(9)}), path)


def _long_lists(path: Path) -> None:
    """Write lists of a million zeros, which dictionaries make small."""
    lists = [np.zeros(2_200_000, np.float32)] * 4
    parquet.write_table(pa.table({"image": lists}), path)


def _csv(path: Path) -> None:
    path.write_bytes(gzip.compress((b"0," * 99 + b"0\n") * 200_000, 1))


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("x-idx3-ubyte.gz", _gzipped_idx, "would take 60 MB of memory. Expected at most 8 MB"),
        ("x-idx3-ubyte.gz", _gzipped_zeros, "declares the sizes"),
        ("x.npz", _npz, "would take 60 MB of memory. Expected at most 8 MB"),
        ("x.npz", _npz_that_declares_too_little, "cannot be read as a NumPy file"),
        ("x.parquet", _parquet, "A row group of 1,000,000 rows of .* would take 36 MB"),
        ("x.parquet", _large_parquet, "All 1,000,000 examples .* would take 36 MB"),
        ("x.parquet", _long_lists, "The first row of .* would take 9.08 MB"),
        ("x.csv.gz", _csv, "of memory. Expected at most 8 MB"),
    ],
)
def test_bombs(tmp_path: Path, name: str, write: Callable[[Path], None], message: str) -> None:
    path = tmp_path / name
    write(path)
    refusal, peak = peak_memory(_refuse, path)
    assert re.search(message, refusal)
    assert peak < 3 * FREE


def _refuse(path: Path) -> str:
    """Return the message, in a process that pretends to have little memory, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentscape.data.limits.available_memory", lambda: FREE)
        with pytest.raises(DataError) as refusal:
            load_dataset(DataConfig(source=str(path)))
    return str(refusal.value)


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_tables, "_MAX_LINE", 1 << 20)
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"0," * 10_000_000, 1))
    with pytest.raises(DataError, match="has a line of more than 1 MiB"):
        load_dataset(DataConfig(source=str(path)))


@pytest.mark.parametrize(
    "shape",
    ["(-1, 4)", "(-4, -4)", "(99999999999999, 4)", "(True, 4)", "(4294967296, 4294967296, 4)"]
    + ["(1180591620717411303424, 4)", "(2**70, 4)", "(0, 4)", "(4, 0)", "()"],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_negative_and_huge_shapes(tmp_path: Path, shape: str, suffix: str) -> None:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    content = b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + bytes(64)
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", content)
    with pytest.raises(DataError, match=str(path)):
        load_dataset(DataConfig(source=str(path)))


@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x.parquet", "x-idx3-ubyte", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is a pipe"):
        load_dataset(DataConfig(source=str(tmp_path / name)))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_devices_are_refused(path: str) -> None:
    with pytest.raises(DataError, match=f"{path} is a device"):
        load_dataset(DataConfig(source=path))
