"""Small real data, and a working folder of its own for each test."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.records import Dataset, Split
from latentscape.data import load_dataset, split_dataset


@pytest.fixture(autouse=True)
def own_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):
    """Let no test find data in the folder it was started in."""
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """Return 1,797 real digits of 8x8 pixels."""
    return load_dataset(DataConfig(source="digits"))


@pytest.fixture(scope="session")
def small(digits: Dataset) -> Split:
    """Divide these digits; that of all other tests would be of whichever are loaded first."""
    return split_dataset(digits, DataConfig(train=500, test=100))


@pytest.fixture
def images(digits: Dataset) -> np.ndarray:
    """Return the 30 first of them, (30, 8, 8) of uint8."""
    return digits.images[:30, 0]


@pytest.fixture
def labels(digits: Dataset) -> np.ndarray:
    """Return the classes of `images`."""
    return digits.labels[:30]


@pytest.fixture
def idx_bytes() -> Callable[[np.ndarray], bytes]:
    """Return a function that encodes unsigned bytes as IDX."""

    def encode(array: np.ndarray) -> bytes:
        return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()

    return encode


@pytest.fixture
def write_idx(idx_bytes: Callable[[np.ndarray], bytes]) -> Callable[[Path, np.ndarray], Path]:
    """Return a function that writes unsigned bytes as IDX, gzipped if the name says so."""

    def write(path: Path, array: np.ndarray) -> Path:
        content = idx_bytes(array)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    return write
