"""Laws that hold for every recipe, and for every kind of block, once over the whole registry."""

from copy import deepcopy
from itertools import product

import numpy as np
import pytest
import torch
from members import variants

from latentscape.config import BODIES, InputConfig, load_recipe, override
from latentscape.core.errors import ConfigError
from latentscape.model import Network
from latentscape.runs import load_model, save_model


@pytest.fixture(scope="module")
def index():
    """Twelve digits, of all classes."""
    return np.arange(12) * 417


@pytest.fixture
def images(digits, index):
    return torch.from_numpy(digits.images[index])


@pytest.fixture
def labels(digits, index):
    return torch.from_numpy(digits.labels[index])


@pytest.fixture(scope="module")
def built():
    """Networks that were built already, by recipe."""
    return {}


@pytest.fixture
def model(recipe, built):
    if recipe.name not in built:
        torch.manual_seed(0)
        built[recipe.name] = Network(recipe.model, recipe.objective)
    return deepcopy(built[recipe.name])


def test_shapes(model, images, labels):
    model.eval()
    codes = model.encode(images, labels)
    assert codes.shape == (12, model.latent_dim)
    assert model.decode(codes, labels).shape == images.shape
    assert model.reconstruct(images, labels).shape == images.shape
    several = codes.expand(3, *codes.shape)
    assert model.outputs(several, labels).shape == (3, *images.shape)


def test_the_loss_is_the_weighted_sum_of_its_terms(model, images, labels):
    loss = model.loss(images, labels)
    expected = sum(w * loss.terms[name] for name, w in model.objective.config.weights.items())
    assert torch.allclose(loss.total, expected)


def test_gradients_are_finite_and_reach_every_parameter(model, images, labels):
    model.loss(images, labels).total.backward()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for name, parameter in trained.items():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    touched = [p.grad.abs().sum() > 0 for p in trained.values()]
    assert sum(touched) > len(touched) / 2


def test_splitting_a_batch_changes_nothing(model, images, labels):
    model.eval()
    parts = zip(images.split(5), labels.split(5), strict=True)
    with torch.no_grad():
        whole = model.reconstruct(images, labels)
        joined = torch.cat([model.reconstruct(*part) for part in parts])
    assert torch.allclose(whole, joined, atol=1e-6)


def test_encoding_and_reconstructing_do_not_sample(model, images, labels):
    model.eval()
    assert torch.equal(model.encode(images, labels), model.encode(images, labels))
    assert torch.equal(model.reconstruct(images, labels), model.reconstruct(images, labels))


def test_calling_a_model_draws_from_torchs_generator_alone(model, images, labels):
    def outputs(seed):
        torch.manual_seed(seed)
        return model(images, labels).output

    model.eval()
    assert torch.equal(outputs(1), outputs(1))
    assert model.draws is not torch.equal(outputs(1), outputs(2))


def test_only_training_changes_what_a_model_remembers(model, images, labels):
    """Running means, centres and codebooks move in training, and never in evaluation."""
    before = {name: value.clone() for name, value in model.eval().state_dict().items()}
    model.loss(images, labels)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_labels_reach_the_models_that_are_conditioned_on_them_and_no_others(model, images, labels):
    model.eval()
    if model.config.condition is None:
        assert torch.equal(model.encode(images), model.encode(images, labels))
        return
    assert model.uses_labels
    assert not torch.equal(model.encode(images, labels), model.encode(images, (labels + 1) % 10))
    for act in (model.encode, model.reconstruct, model.posterior, model):
        with pytest.raises(ConfigError, match="conditioned on labels and was given none"):
            act(images)


def test_stored_images_are_left_alone(model, images, labels):
    before = images.clone()
    model.loss(images, labels)
    assert torch.equal(images, before)


def test_the_rate_is_not_negative_and_the_posterior_is_where_the_code_comes_from(
    model, images, labels
):
    model.eval()
    if model.config.latent.kind != "gaussian":
        with pytest.raises(ConfigError, match="no posterior"):
            model.posterior(images, labels)
        return
    posterior = model.posterior(images, labels)
    assert torch.equal(posterior.mean, model.encode(images, labels))
    assert (posterior.rate() >= 0).all()
    if model.config.latent.prior == "standard":
        assert torch.allclose(model.code(images, labels).rate, posterior.rate().sum(-1))


def test_mixed_precision_costs_a_percent_and_leaves_what_is_kept_in_full(model, images, labels):
    full, half = (loss_in(dtype, model, images, labels) for dtype in (None, torch.bfloat16))
    half.total.backward()
    assert half.total.item() == pytest.approx(full.total.item(), rel=0.01)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert all(torch.isfinite(parameter.grad).all() for parameter in trained)
    assert {value.dtype for value in model.state_dict().values()} <= {
        torch.float32,
        torch.int64,
        torch.bool,
    }


def loss_in(dtype, model, images, labels):
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
        return model.loss(images, labels)


def test_a_saved_model_answers_with_the_same_bits(model, recipe, images, labels, tmp_path):
    model.train().loss(images, labels)  # Codebooks, centres and running means are saved too.
    model.eval()
    file = tmp_path / "model.safetensors"
    save_model(file, model.state_dict(), recipe, ["zero"])
    loaded = load_model(file)
    for act in (Network.reconstruct, seeded_loss):
        assert torch.equal(act(loaded, images, labels), act(model, images, labels))


def seeded_loss(model, images, labels):
    torch.manual_seed(0)
    return model.loss(images, labels).total


def test_the_same_seed_makes_the_same_weights(recipe):
    def weights(seed):
        torch.manual_seed(seed)
        return Network(recipe.model, recipe.objective).state_dict()

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
    assert Network(config).parameter_count == count


SHAPES = [(1, 28, 28), (3, 32, 32), (1, 8, 8), (3, 17, 30), (2, 1, 5), (1, 33, 9)]


def test_every_body_takes_any_example_and_gives_its_shape_back():
    for body in variants({kind: body for kind, body in BODIES.items() if body.is_stock}):
        for shape in SHAPES if body.takes_images else [*SHAPES, (7,)]:
            changes = {"model.decoder": body.model_dump()}
            if body.encodes:
                changes |= {"model.encoder": body.model_dump(), "model.decoder": "mirror"}
            elif len(shape) == 1:
                continue  # The body in its place is the recipe's encoder.
            check_any_shape(override(load_recipe("conv-bn"), changes), shape)


def test_convolutions_take_any_image_and_give_its_shape_back():
    pools, norms = ("max", "average", "stride"), ("none", "batch", "layer")
    for shape, pool, norm in product(SHAPES, pools, norms):
        encoder = {"kind": "conv", "channels": [3, 4, 5], "kernel": 5, "pool": pool, "norm": norm}
        changes = {"model.encoder": encoder, "model.decoder": "mirror"}
        check_any_shape(override(load_recipe("conv-bn"), changes), shape)


def test_maps_of_codes_fit_any_image_and_any_decoder():
    """Where the decoder starts from another map than the encoder ends with, they are joined."""
    for shape, stages in product(SHAPES, ([4, 3], [4], [4, 3, 2], None)):
        conv, mlp = {"kind": "conv", "channels": stages}, {"kind": "mlp", "widths": [5]}
        changes = {
            "model.encoder": {"kind": "conv", "channels": [3, 4]},
            "model.decoder": conv if stages else mlp,
            "model.latent": {"kind": "vq", "dim": 2, "codes": 5},
        }
        check_any_shape(override(load_recipe("vq-vae"), changes), shape)


def test_fully_connected_models_take_anything():
    activations = ("linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh")
    norms = ("none", "batch", "layer")
    for shape, norm, activation in product([*SHAPES, (7,)], norms, activations):
        changes = {
            "model.encoder.widths": [6, 5],
            "model.encoder.norm": norm,
            "model.encoder.activation": activation,
            "model.encoder.dropout": 0.1,
        }
        check_any_shape(override(load_recipe("simple-20"), changes), shape)


def check_any_shape(recipe, shape):
    settings = InputConfig(shape=shape, range=(0, 1))
    model = Network(recipe.model.model_copy(update={"input": settings}), recipe.objective)
    images = torch.rand(4, *shape)
    loss = model.loss(images)
    loss.total.backward()
    assert torch.isfinite(loss.total), (recipe.model, shape)
    assert model.reconstruct(images).shape == images.shape, (recipe.model, shape)


def test_a_convolution_refuses_vectors():
    config = load_recipe("conv-bn").model.model_copy(update={"input": InputConfig(shape=(784,))})
    with pytest.raises(ConfigError, match="vectors of 784"):
        Network(config)


def test_stored_values_are_scaled_to_one(digits):
    config = load_recipe("simple-20").model
    for low, high in ((0, 255), (0, 16), (-1, 1)):
        settings = InputConfig(shape=(2,), range=(low, high))
        model = Network(config.model_copy(update={"input": settings}))
        scaled = model.scale(torch.tensor([[low, high]]))
        assert torch.equal(scaled, torch.tensor([[0.0, 1.0]]))


def test_the_gradient_of_a_pixel_average_is_the_same_up_to_the_number_of_pixels(small):
    config = load_recipe("simple-20").model.model_copy(
        update={"input": InputConfig(shape=(1, 28, 28))}
    )
    objective = load_recipe("fc-64").objective
    assert Network(config, objective).objective.scale == 1 / 784
    assert Network(config).objective.scale == 1
