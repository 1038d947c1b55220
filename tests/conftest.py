"""What many tests share: real digits, a small split of them, and quick recipes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from latentscape.config import DataConfig, load_recipe, override, recipe_names
from latentscape.data import load_dataset, split_dataset
from latentscape.experiment import prepare
from latentscape.records import Dataset, Split

# Two processes of the suite, and the ones it starts, must count alike to make the same bits.
torch.set_num_threads(2)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep the suite out of the user's cache, and convert the embedded digits once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTSCAPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset(DataConfig(source="mnist-5k"))


@pytest.fixture(scope="session")
def small(digits) -> Split:
    """500 training, 50 validation and 100 test images."""
    return split_dataset(digits, DataConfig(train=500, test=100))


@pytest.fixture(scope="session")
def vectors() -> Split:
    """Plain vectors (N, D) in [0, 1], of which a quarter is noise."""
    rng = np.random.default_rng(0)
    factors = rng.random((120, 3))
    values = factors @ rng.random((3, 9)) / 3 + rng.random((120, 9)) / 4
    data = Dataset("vectors", (values / values.max()).astype(np.float32), value_range=(0.0, 1.0))
    return split_dataset(data, DataConfig())


@pytest.fixture(params=recipe_names())
def recipe(request, small):
    """Every recipe, prepared for 28 x 28 digits."""
    return prepare(load_recipe(request.param), small)


@pytest.fixture
def quick(small):
    """A recipe that trains in a blink and uses everything that a resume has to restore."""
    changes = {
        "model.encoder.widths": [64, 32],
        "train.epochs": 3,
        "train.batch_size": 64,
        "train.patience": 3,
        "train.schedule": {"kind": "cosine", "warmup": 0.5},
        "train.snapshots": [1, 3],
    }
    return prepare(override(load_recipe("dense-dropout"), changes), small)


def find_mnist() -> Path | None:
    """Return the folder above the full MNIST files, where there is one."""
    for folder in (Path(__file__).parents[2] / "shared" / "data", Path("data")):
        if (folder / "mnist" / "train-images-idx3-ubyte.gz").exists():
            return folder
    return None


@pytest.fixture
def mnist(monkeypatch):
    """The full MNIST; tests that need it are skipped, and say so, where it is absent."""
    folder = find_mnist()
    if folder is None:
        pytest.skip("full MNIST is not here: put its four files into data/mnist")
    monkeypatch.setenv("LATENTSCAPE_DATA", str(folder))
    return load_dataset(DataConfig(source="mnist"))
