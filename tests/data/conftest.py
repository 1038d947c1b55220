"""Real data to read, and places of their own for the cache and the user's folders."""

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.data import load_dataset
from latentscape.records import Dataset

_ROOT = Path(__file__).parents[2]
_GIVEN = os.environ.get("LATENTSCAPE_DATA")


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_folders(
    monkeypatch: pytest.MonkeyPatch, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let no test read or write the folders of whoever runs it, nor leave this machine."""
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(shared_cache))
    monkeypatch.delenv("LATENTSCAPE_DATA", raising=False)
    monkeypatch.setenv("LATENTSCAPE_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder that holds real MNIST in ``mnist``."""
    places = [Path(_GIVEN)] if _GIVEN else []
    for place in [*places, _ROOT.parent / "shared" / "data"]:
        if any((place / "mnist").glob("train-images-idx3-ubyte*")):
            return place
    pytest.skip("full MNIST is neither in $LATENTSCAPE_DATA/mnist nor in ../shared/data/mnist")


@pytest.fixture(scope="session")
def digits(shared_cache: Path) -> Dataset:
    """Return 1,797 real digits of 8x8 pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTSCAPE_CACHE", str(shared_cache))
        return load_dataset(DataConfig(source="digits"))


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
