"""Runs and model files of 0.2.0 in which modules of terms stood in the network itself."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import latentscape
from latentscape import Autoencoder
from latentscape.core.records import Dataset

HOME = Path(__file__).parents[2] / "fixtures" / "centers"
MODEL = HOME / "model.safetensors"


@pytest.fixture
def data():
    places = np.arange(60 * 9).reshape(60, 9)
    labels = np.arange(60) % 3
    return Dataset("few", (places * 37 % 256).astype(np.uint8), labels, ("a", "b", "c"))


def centers_of(weights):
    (centers,) = (value for name, value in weights.items() if name.endswith("centers.places"))
    return centers


def test_a_model_file_is_read_whole(data):
    stored = load_file(MODEL)
    assert "centers.places" in stored
    model = latentscape.load(MODEL)
    assert torch.equal(centers_of(model.state_dict()), centers_of(stored))
    assert model.encode(torch.from_numpy(data.images[:])).isfinite().all()


def test_a_stopped_run_goes_on_to_the_weights_of_one_that_was_not(data, tmp_path):
    """But for rounding: it was begun on another machine, perhaps."""
    shutil.copytree(HOME / "run", tmp_path / "run")
    latentscape.resume(tmp_path / "run", data=data, quiet=True)
    ours, theirs = (latentscape.load(path).state_dict() for path in (tmp_path / "run", MODEL))
    for name, value in theirs.items():
        assert torch.allclose(ours[name], value, rtol=1e-3, atol=1e-4), name


def test_a_pickled_estimator_is_read(data):
    estimator = Autoencoder.load(MODEL)
    state = estimator.__getstate__()
    centers = centers_of(state["network_"])
    weights = {n: v for n, v in state["network_"].items() if not n.endswith("centers.places")}
    state["network_"] = {**weights, "centers.places": centers}
    other = Autoencoder()
    other.__setstate__(state)
    assert np.array_equal(centers_of(other.network_.state_dict()), centers)
