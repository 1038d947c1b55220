"""An exported file does what the model does: every layer of the recipes, any shape of data."""

import numpy as np
import pytest

from covering import covering
from latentscape.config import DataConfig, load_recipe, recipe_names
from latentscape.core.records import Dataset
from latentscape.data import split_dataset

PARITY = 1e-5

SEEDS = [name for name in recipe_names() if load_recipe(name).origin]
"""The recipes of the reference projects."""

OTHERS = ["cond-vae", "embed-32", "vq-vae"]
"""What they lack: labels, batch normalisation of vectors, codes of one length, a codebook."""


def in_parity(exported):
    return all(file.difference <= PARITY * max(1, file.largest) for file in exported)


@pytest.fixture(scope="module")
def colours():
    """Images of three channels and odd sizes, with labels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 3, 27, 30), dtype=np.uint8)
    labels = np.arange(60) % 4
    return split_dataset(Dataset("colours", images, labels, tuple("abcd")), DataConfig())


@pytest.fixture(scope="module")
def floats():
    """Images of floats from -1 to 3."""
    images = np.random.default_rng(0).uniform(-1, 3, (60, 1, 10, 6)).astype(np.float32)
    return split_dataset(Dataset("floats", images, value_range=(-1.0, 3.0)), DataConfig())


def test_seeds_are_all_there():
    assert len(SEEDS) == 13


@pytest.mark.parametrize("name", covering([*SEEDS, *OTHERS]))
def test_onnx(export, small, name):
    assert in_parity(export(name, small, "onnx"))


@pytest.mark.parametrize("name", covering(set(recipe_names()) - {"vq-vae"}))
def test_keras(export, small, name):
    assert in_parity(export(name, small, "keras"))


@pytest.mark.parametrize("name", ["conv-bn", "vamp-vae", *OTHERS])
def test_torch(export, small, name):
    assert in_parity(export(name, small, "torch-export"))


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("pool", ["max", "average", "stride"])
def test_convolutions_of_odd_images_in_keras(export, colours, kernel, pool):
    encoder = {"kind": "conv", "channels": [5, 7], "kernel": kernel, "pool": pool, "norm": "layer"}
    assert in_parity(export("conv-bn", colours, "keras", {"model.encoder": encoder}))


@pytest.mark.parametrize("to", ["onnx", "torch-export"])
def test_convolutions_of_odd_images_elsewhere(export, colours, to):
    encoder = {"kind": "conv", "channels": [5, 7], "pool": "average", "norm": "layer"}
    assert in_parity(export("conv-bn", colours, to, {"model.encoder": encoder}))


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear"]
)
def test_activations_in_keras(export, floats, activation):
    encoder = {"kind": "mlp", "widths": [20, 9], "activation": activation, "norm": "layer"}
    changes = {"model.encoder": encoder, "model.latent.activation": activation}
    assert in_parity(export("kaggle-2d", floats, "keras", changes))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_likelihoods_in_keras(export, floats, likelihood):
    assert in_parity(export("fc-64", floats, "keras", {"model.likelihood": likelihood}))


@pytest.mark.parametrize("to", ["onnx", "torch-export"])
def test_the_mean_over_levels_elsewhere(export, floats, to):
    changes = {"model.likelihood": "discretised_logistic"}
    assert in_parity(export("fc-64", floats, to, changes))


@pytest.mark.parametrize("to", ["onnx", "keras", "torch-export"])
def test_labels_beside_maps(export, colours, to):
    encoder = {"kind": "conv", "channels": [4, 6]}
    changes = {"model.condition": "label", "model.encoder": encoder}
    assert in_parity(export("conv-vae", colours, to, changes))


@pytest.mark.parametrize("to", ["onnx", "keras", "torch-export"])
def test_vectors(export, vectors, to):
    assert in_parity(export("simple-20", vectors, to, {"model.latent.dim": 3}))


def test_a_single_test_example_is_enough(export, digits):
    single = split_dataset(digits, DataConfig(train=50, test=1))
    assert [exported.images for exported in export("vae-20", single, "torch-export")] == [1, 1]
