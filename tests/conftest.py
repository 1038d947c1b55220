"""What many tests share: real digits, a small split of them, and quick recipes."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from latentscape.analyses.probes import perceptron
from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe, override, recipe_names
from latentscape.core import progress
from latentscape.core.progress import Listener, listening
from latentscape.core.records import Dataset, Split
from latentscape.data import load_dataset, split_dataset
from latentscape.evaluation import judge
from latentscape.model import Network

# The models are small: threads would only wait for each other, the more the busier the machine.
torch.set_num_threads(1)
# UMAP's numba sets the threads of OpenMP for the whole process, and so PyTorch's, to this number.
os.environ["NUMBA_NUM_THREADS"] = "1"


GIVEN_DATA = os.environ.get("LATENTSCAPE_DATA")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory):
    """Let no test read or write the folders of whoever runs it, nor leave this machine.

    Processes that test side by side share a cache: what one has trained, the others read.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTSCAPE_CACHE", str(shared / "cache"))
        patch.delenv("LATENTSCAPE_DATA", raising=False)
        # A judge learns 500 digits well enough in a fifth of its time.
        patch.setattr(judge, "LEAST_SEEN", 4000)
        # So do the perceptrons that read labels from codes, but for the tests of these.
        patch.setattr(perceptron, "MIN_STEPS", 100)
        # What tests write need not outlast a power cut: each file would wait 8 ms for the disk.
        patch.setattr(os, "fsync", lambda file: None)
        patch.setenv("LATENTSCAPE_MIRROR", "http://127.0.0.1:9")
        patch.setenv("no_proxy", "127.0.0.1")
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


@pytest.fixture(scope="session")
def prepared(small):
    """Return a function from a recipe's name to it, prepared for 28 x 28 digits."""
    return cache(lambda name: prepare(load_recipe(name), small))


@pytest.fixture(params=recipe_names())
def recipe(request, prepared):
    """Every recipe, prepared for 28 x 28 digits."""
    return prepared(request.param)


@pytest.fixture(scope="session")
def quick(small):
    """A recipe that trains in a blink and uses everything that a resume has to restore."""
    changes = {
        "model.encoder.widths": [64, 32],
        "model.init.data_dependent": True,
        "train.epochs": 3,
        "train.batch_size": 64,
        "train.patience": 3,
        "train.schedule": {"kind": "cosine", "warmup": 0.5},
        "train.snapshots": [1, 3],
    }
    return prepare(override(load_recipe("dense-dropout"), changes), small)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder that holds the full MNIST in ``mnist``; tests that need it skip without."""
    shared = Path(__file__).parents[2] / "shared" / "data"
    for folder in (*([Path(GIVEN_DATA)] if GIVEN_DATA else []), shared):
        if any((folder / "mnist").glob("train-images-idx3-ubyte*")):
            return folder
    pytest.skip("full MNIST is neither in $LATENTSCAPE_DATA/mnist nor in ../shared/data/mnist")


@pytest.fixture
def mnist(real_data, monkeypatch) -> Dataset:
    """The full MNIST."""
    monkeypatch.setenv("LATENTSCAPE_DATA", str(real_data))
    return load_dataset(DataConfig(source="mnist"))


class Heard(Listener):
    """What was said of stages: details by their names, and notes."""

    def __init__(self):
        self.details, self.notes = [], []

    def on_begin(self, stage):
        self._add(stage)

    def on_advance(self, stage):
        self._add(stage)

    def on_note(self, stage, text):
        self.notes.append(text)

    def _add(self, stage):
        if (stage.name, stage.detail) not in self.details[-1:]:
            self.details.append((stage.name, stage.detail))

    def of(self, name):
        return [detail for stage, detail in self.details if stage == name and detail]

    @property
    def names(self):
        return list(dict.fromkeys(name for name, _ in self.details))


@pytest.fixture
def heard():
    """What a listener hears of the stages of a test."""
    listener = Heard()
    with listening(listener):
        yield listener


@pytest.fixture
def clock(monkeypatch):
    """A clock of long works that only tests move."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


SMALL = {"model.encoder.widths": [32]}
# Models of every kind of latent, untrained, small and quick.
KINDS = {
    "plain": ("simple-20", SMALL),
    "plain-2": ("simple-20", {**SMALL, "model.latent.dim": 2}),
    "plain-cond": ("simple-20", {**SMALL, "model.latent.dim": 2, "model.condition": "label"}),
    "denoising": ("denoising", SMALL),
    "vae": ("vae-20", SMALL),
    "vae-2": ("vae-20", {**SMALL, "model.latent.dim": 2}),
    "cond": ("cond-vae", SMALL),
    "cond-2": ("cond-vae", {**SMALL, "model.latent.dim": 2}),
    "vamp": ("vamp-vae", {**SMALL, "model.latent.pseudo_inputs": 7}),
    "wae": ("wae-mmd", SMALL),
    "vq": ("vq-vae", {"model.encoder.channels": [4, 8], "model.latent.codes": 16}),
}


@pytest.fixture(scope="session")
def model_of(small):
    """Return a function from a name of `KINDS` to an evaluating model."""

    @cache
    def build(kind: str) -> Network:
        name, changes = KINDS[kind]
        recipe = prepare(override(load_recipe(name), changes), small)
        torch.manual_seed(0)
        return Network(recipe.model, recipe.objective).eval()

    return build


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def model(kind, model_of):
    return model_of(kind)
