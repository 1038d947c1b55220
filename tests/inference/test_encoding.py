"""Encoding by the engine and by its plain twin.

They are not equal to the bit: normalisation within weights, oneDNN's layout and other sizes of a
batch add up in other orders. They agree to 1e-4 of a number and 2e-5 of the largest one.
"""

import numpy as np
import pytest
import torch

import latentscape
from latentscape.api.preparing import prepare
from latentscape.config import InputConfig, load_recipe, recipe_names
from latentscape.core.runtime import full_precision
from latentscape.inference.codec import encode
from latentscape.model import Network


def build(recipe) -> Network:
    """A network whose normalisation has something to do."""
    torch.manual_seed(0)
    model = Network(recipe.model, recipe.objective)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.3)
                layer.running_var.uniform_(0.5, 2)
                layer.weight.normal_(0, 1)
                layer.bias.normal_(0, 0.3)
    return model.eval()


def assert_close(model, dataset, index):
    expected = encode(model, dataset, index, "plain")
    codes = encode(model, dataset, index)
    assert codes.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max())


def test_both_engines_encode_every_recipe_alike(small):
    for name in recipe_names():
        assert_close(build(prepare(load_recipe(name), small)), small.dataset, small.test[:33])


@pytest.mark.parametrize("size", [(27, 30), (9, 8)])
def test_both_engines_encode_odd_sizes_alike(size):
    recipe = load_recipe("conv-bn")
    config = recipe.model.model_copy(update={"input": InputConfig(shape=(3, *size))})
    model = build(recipe.model_copy(update={"model": config}))
    images = np.random.default_rng(0).integers(0, 256, (21, 3, *size)).astype(np.uint8)
    assert_close(model, latentscape.Dataset("noise", images), np.arange(21))


def test_the_plain_engine_is_the_model_batch_by_batch(small):
    model = build(prepare(load_recipe("conv-bn"), small))
    with torch.inference_mode(), full_precision():
        expected = model.encode(torch.from_numpy(small.dataset.images[small.test]))
    codes = encode(model, small.dataset, small.test, "plain")
    np.testing.assert_array_equal(codes, expected.numpy())
    assert not torch.is_inference_mode_enabled()


def test_neither_threads_nor_other_examples_change_a_bit(digits, small):
    model, before = build(prepare(load_recipe("simple-20"), small)), torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(encode(model, digits, np.arange(700)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[0][13:40], encode(model, digits, np.arange(13, 40)))
