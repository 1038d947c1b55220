"""Laws that hold for every recipe, and for every kind of block, once over the whole registry."""

import pytest
import torch

from latentscape.config import InputConfig, load_recipe, override
from latentscape.errors import ConfigError
from latentscape.model import Autoencoder
from latentscape.runs import load_model, save_model


@pytest.fixture
def images(digits):
    return torch.from_numpy(digits.images[:12])


@pytest.fixture
def model(recipe):
    torch.manual_seed(0)
    return Autoencoder(recipe.model, recipe.objective)


def test_shapes(model, images):
    model.eval()
    codes = model.encode(images)
    assert codes.shape == (12, model.latent_dim)
    assert model.decode(codes).shape == images.shape
    assert model.reconstruct(images).shape == images.shape


def test_the_loss_is_the_weighted_sum_of_its_terms(model, images):
    loss = model.loss(images)
    expected = sum(w * loss.terms[name] for name, w in model.objective.weights.items())
    assert torch.allclose(loss.total, expected)


def test_gradients_are_finite_and_reach_every_parameter(model, images):
    model.loss(images).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    touched = [p.grad.abs().sum() > 0 for p in model.parameters()]
    assert sum(touched) > len(touched) / 2


def test_splitting_a_batch_changes_nothing(model, images):
    model.eval()
    with torch.no_grad():
        whole = model.reconstruct(images)
        parts = torch.cat([model.reconstruct(part) for part in images.split(5)])
    assert torch.allclose(whole, parts, atol=1e-6)


def test_encoding_and_reconstructing_do_not_sample(model, images):
    model.eval()
    assert torch.equal(model.encode(images), model.encode(images))
    assert torch.equal(model.reconstruct(images), model.reconstruct(images))


def test_a_saved_model_answers_with_the_same_bits(model, recipe, images, tmp_path):
    model.eval()
    file = tmp_path / "model.safetensors"
    save_model(file, model.state_dict(), recipe, ["zero"])
    loaded = load_model(file)
    assert torch.equal(loaded.reconstruct(images), model.reconstruct(images))


def test_the_same_seed_makes_the_same_weights(recipe):
    def weights(seed):
        torch.manual_seed(seed)
        return Autoencoder(recipe.model).state_dict()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_description_counts_every_parameter_and_ends_with_an_image(model):
    rows = model.describe()
    assert sum(row["parameters"] for row in rows) == model.parameter_count
    assert rows[-1]["output"] == [1, 28, 28]
    assert [row["part"] for row in rows if row["output"] == [model.latent_dim]][:1] == ["latent"]


@pytest.mark.parametrize(
    ("name", "changes", "count"),
    [
        ("simple-20", {}, 784 * 400 + 400 + 400 * 20 + 20 + 20 * 400 + 400 + 400 * 784 + 784),
        ("conv-bn", {"model.latent.dim": 2}, 72_325),
        ("cnn-fc", {}, 832 + 51_264 + 3136 * 64 + 64 + 64 * 128 + 128 + 128 * 784 + 784),
    ],
)
def test_parameter_counts_of_the_reference_models(name, changes, count):
    config = override(load_recipe(name), changes).model
    config = config.model_copy(update={"input": InputConfig(shape=(1, 28, 28))})
    assert Autoencoder(config).parameter_count == count


SHAPES = [(1, 28, 28), (3, 32, 32), (1, 8, 8), (3, 17, 30), (2, 1, 5), (1, 33, 9)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("pool", ["max", "average", "stride"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_convolutions_take_any_image_and_give_its_shape_back(shape, pool, norm):
    encoder = {"kind": "conv", "channels": [3, 4, 5], "kernel": 5, "pool": pool, "norm": norm}
    changes = {"model.encoder": encoder, "model.decoder": "mirror"}
    check_any_shape(override(load_recipe("conv-bn"), changes), shape)


@pytest.mark.parametrize("shape", [*SHAPES, (7,)], ids=str)
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize(
    "activation", ["linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh"]
)
def test_fully_connected_models_take_anything(shape, norm, activation):
    changes = {
        "model.encoder.widths": [6, 5],
        "model.encoder.norm": norm,
        "model.encoder.activation": activation,
        "model.encoder.dropout": 0.1,
    }
    check_any_shape(override(load_recipe("simple-20"), changes), shape)


def check_any_shape(recipe, shape):
    shown = InputConfig(shape=shape, range=(0, 1))
    model = Autoencoder(recipe.model.model_copy(update={"input": shown}))
    images = torch.rand(4, *shape)
    loss = model.loss(images)
    loss.total.backward()
    assert torch.isfinite(loss.total)
    assert model.reconstruct(images).shape == images.shape


def test_a_convolution_refuses_vectors():
    config = load_recipe("conv-bn").model.model_copy(update={"input": InputConfig(shape=(784,))})
    with pytest.raises(ConfigError, match="vectors of 784"):
        Autoencoder(config)


def test_stored_values_are_scaled_to_one(digits):
    config = load_recipe("simple-20").model
    for low, high in ((0, 255), (0, 16), (-1, 1)):
        shown = InputConfig(shape=(2,), range=(low, high))
        model = Autoencoder(config.model_copy(update={"input": shown}))
        scaled = model.scale(torch.tensor([[low, high]]))
        assert torch.equal(scaled, torch.tensor([[0.0, 1.0]]))


def test_the_gradient_of_a_pixel_average_is_the_same_up_to_the_number_of_pixels(small):
    config = load_recipe("simple-20").model.model_copy(
        update={"input": InputConfig(shape=(1, 28, 28))}
    )
    objective = load_recipe("fc-64").objective
    assert Autoencoder(config, objective).gradient_scale() == 1 / 784
    assert Autoencoder(config).gradient_scale() == 1
