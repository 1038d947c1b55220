"""Initial weights that depend on the data."""

import pytest
import torch
from torch import nn

from latentscape.config import LIKELIHOODS, InputConfig, load_recipe, override, recipe_names
from latentscape.model import Network
from latentscape.model.initialisation import OUTPUT_SD, output_of, standardise
from latentscape.model.likelihoods import build_likelihood

SMALL = {"simple-20", "fc-64", "deep-relu-4", "conv-bn", "vae-20", "vq-vae", "cond-vae", "embed-32"}


def network(name, shape=(1, 8, 8), **changes):
    recipe = override(load_recipe(name), changes)
    settings = InputConfig(shape=shape, range=(0, 1), labels=3)
    return Network(recipe.model.model_copy(update={"input": settings}), recipe.objective)


@pytest.fixture
def grey():
    """Images (64, 1, 8, 8) around a mean image, and their labels."""
    mean = torch.rand(1, 1, 8, 8)
    return (0.7 * mean + 0.3 * torch.rand(64, 1, 8, 8)), torch.arange(64) % 3


def test_numbers_of_all_layers_get_mean_0_and_variance_1():
    layers = [nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5), nn.Sigmoid(), nn.Linear(5, 2)]
    for layer in layers[::2]:
        nn.init.constant_(layer.bias, 3.0)
        layer.weight.data *= 0.01
    values = torch.rand(50, 6)
    with torch.no_grad():
        outputs = standardise(layers, values)
        for layer in layers:
            values = layer(values)
            if isinstance(layer, nn.Linear):
                assert torch.allclose(values.mean(0), torch.zeros(1), atol=1e-3)
                assert torch.allclose(values.std(0, correction=0), torch.ones(1), atol=1e-3)
    assert torch.equal(outputs, values)


def test_layers_that_are_kept_stay_and_later_ones_are_scaled_on_them():
    layers = [nn.Linear(6, 9), nn.Linear(9, 5)]
    kept = layers[0].weight.clone(), layers[0].bias.clone()
    with torch.no_grad():
        outputs = standardise(layers, torch.rand(50, 6), layers[:1])
    assert torch.equal(layers[0].weight, kept[0])
    assert torch.equal(layers[0].bias, kept[1])
    assert torch.allclose(outputs.std(0, correction=0), torch.ones(1), atol=1e-3)


def test_channels_of_maps_get_mean_0_and_variance_1():
    layers = [nn.Conv2d(1, 3, 3), nn.LeakyReLU(), nn.ConvTranspose2d(3, 2, 3, stride=2)]
    with torch.no_grad():
        outputs = standardise(layers, torch.rand(20, 1, 8, 8)).movedim(1, -1).flatten(0, -2)
    assert torch.allclose(outputs.mean(0), torch.zeros(2), atol=1e-3)
    assert torch.allclose(outputs.std(0), torch.ones(2), atol=1e-3)


def test_a_number_that_is_the_same_for_all_images_is_not_blown_up():
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        assert standardise([layer], torch.ones(5, 2)).isfinite().all()
        assert standardise([layer], torch.ones(1, 2)).isfinite().all()
    assert layer.weight.isfinite().all()


@pytest.mark.parametrize("name", sorted(SMALL & {*recipe_names()}))
def test_decoding_starts_from_the_mean_image(name, grey):
    images, labels = grey
    model = network(name)
    model.standardise(images, labels)
    assert model.training
    model.eval()
    with torch.no_grad():
        start = model.reconstruct(images, labels)
    mean = images.mean(0) if name not in ("conv-bn", "vq-vae") else images.mean()
    assert float((start - mean).square().mean()) < float((images - mean).square().mean())
    if name not in ("conv-bn", "vq-vae"):
        assert float((start.mean(0) - mean).abs().max()) < OUTPUT_SD


def test_vectors_of_any_range_start_from_their_mean():
    model = network("kaggle-2d", (5,))
    vectors = torch.rand(40, 5) * 3 - 1
    model.standardise(vectors)
    with torch.no_grad():
        assert torch.allclose(model.reconstruct(vectors).mean(0), vectors.mean(0), atol=OUTPUT_SD)


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_the_output_of_a_mean_is_found_for_every_likelihood(kind):
    likelihood = build_likelihood(LIKELIHOODS[kind]())
    mean = torch.tensor([0.3, 0.5, 0.7])
    with torch.no_grad():
        assert torch.allclose(likelihood.mean(output_of(mean, likelihood)), mean, atol=1e-3)
        black = output_of(torch.zeros(1), likelihood)
    assert black.abs() <= 4.0


def test_dropout_and_masks_draw_and_leave_the_model_as_it_was(grey):
    images, labels = grey
    for name in ("dense-dropout", "denoising"):
        model = network(name).eval()
        torch.manual_seed(1)
        model.standardise(images, labels)
        assert not model.training
        first = [weight.clone() for weight in model.parameters()]
        assert all(weight.isfinite().all() for weight in first)
