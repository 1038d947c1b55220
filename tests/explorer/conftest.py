"""What tests of the explorer share: runs trained in a blink, and a page that is built already."""

import logging
from functools import cache

import numpy as np
import pytest
from torch.onnx._internal.exporter._registration import ONNXRegistry

import latentscape
from latentscape.core.records import Dataset
from latentscape.explorer import bundle

FAST = {"train.epochs": 1, "data.train": 250, "data.test": 40, "model.encoder.widths": [16]}


@pytest.fixture(scope="session", autouse=True)
def quick_tracing():
    """Spare the tests what takes most of the time of an export, and changes nothing in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib))
        )
        patch.setattr(logging.getLogger("torch.__trace"), "propagate", False)
        yield


@pytest.fixture(scope="session", autouse=True)
def built(tmp_path_factory):
    """Let the page be built; what is in it does not matter here."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "explorer.js").write_text('const end = "</script>"; // ü')
    (folder / "explorer.css").write_text("a::after{content:'</style>'}")
    (folder / "ort.wasm").write_bytes(bytes(range(256)))
    (folder / "LICENSES.txt").write_text("free")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "FOLDER", folder)
        yield folder


@pytest.fixture(scope="session")
def train(tmp_path_factory):
    """Return a function that trains a small model on a few examples."""

    def train(recipe, data="mnist-5k", folder=None, changes=None):
        folder = folder or tmp_path_factory.mktemp("runs")
        own = FAST | (changes or {})
        return latentscape.train(recipe, data=data, changes=own, folder=folder, quiet=True)

    return train


@pytest.fixture(scope="session")
def fast():
    """Changes to a recipe that make it small and quick."""
    return FAST


@pytest.fixture(scope="session")
def run(train):
    """A variational model with two numbers in a code."""
    return train("vae-20", changes={"model.latent.dim": 2})


@pytest.fixture
def without_networks(monkeypatch):
    """Spare a test that looks at something else the exports."""
    from latentscape.explorer import gathering, networks

    parts = {k: part for k, part in gathering._PARTS.items() if part is not networks.networks}
    monkeypatch.setattr(gathering, "_PARTS", parts)


@pytest.fixture(scope="session")
def plain():
    """Vectors without labels, from 0 to 3."""
    rng = np.random.default_rng(0)
    values = rng.random((120, 3)) @ rng.random((3, 9))
    return Dataset("plain", values.astype(np.float32), value_range=(0.0, 3.0))
