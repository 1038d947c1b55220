"""Parts of a network that training leaves as they are."""

import pytest
import torch

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override
from latentscape.core.errors import ConfigError
from latentscape.model import Network
from latentscape.training.memory import check_network

SMALL = {"model.encoder.channels": [4, 8], "model.latent.dim": 3}


@pytest.fixture
def network(small):
    recipe = prepare(override(load_recipe("conv-bn"), SMALL), small)
    return Network(recipe.model, recipe.objective)


def frozen(network):
    return {name for name, weight in network.named_parameters() if id(weight) in network.frozen}


def test_a_name_stands_for_all_that_is_below_it(network):
    network.freeze(["encoder"])
    assert frozen(network) == {n for n, _ in network.named_parameters() if n.startswith("encoder.")}
    network.freeze(["encoder.0", "decoder.0.bias"])
    assert frozen(network) == {"encoder.0.weight", "encoder.0.bias", "decoder.0.bias"}
    network.freeze(["likelihood"])  # It has no weights, and is a part all the same.
    assert frozen(network) == set()


def test_weights_that_never_learn_stay_so_when_a_part_learns_again(network):
    learning = [weight.requires_grad for weight in network.parameters()]
    assert not all(learning)  # Biases before batch normalisation.
    network.freeze(["encoder"])
    assert [weight.requires_grad for weight in network.parameters()] != learning
    network.freeze([])
    assert [weight.requires_grad for weight in network.parameters()] == learning


def test_statistics_of_frozen_parts_stay(network, small):
    images = torch.from_numpy(small.dataset.images[:8])
    before = {name: value.clone() for name, value in network.named_buffers()}
    network.freeze(["encoder"])
    network.train()(images)
    for name, value in network.named_buffers():
        assert torch.equal(value, before[name]) == name.startswith("encoder."), name
    network.freeze([])
    network.train()(images)
    assert not any(torch.equal(value, before[name]) for name, value in network.named_buffers())


def test_a_frozen_codebook_stays(small):
    changes = {"model.encoder.channels": [4, 8], "model.latent.codes": 16}
    recipe = prepare(override(load_recipe("vq-vae"), changes), small)
    network = Network(recipe.model, recipe.objective)
    before = network.latent.codebook.clone()
    network.freeze(["latent"])
    network.train()(torch.from_numpy(small.dataset.images[:8]))
    assert torch.equal(network.latent.codebook, before)


def test_no_gradient_is_computed_for_what_is_frozen(network, small):
    network.freeze(["encoder", "latent"])
    result = network.train()(torch.from_numpy(small.dataset.images[:8]))
    assert not result.code.z.requires_grad
    network.objective(result).total.backward()
    with_gradient = {n for n, weight in network.named_parameters() if weight.grad is not None}
    decoder = {n: w for n, w in network.named_parameters() if n.startswith("decoder.")}
    assert with_gradient == {name for name, weight in decoder.items() if weight.requires_grad}
    (player,) = network.players()
    assert [*map(id, player.parameters)] == [*map(id, decoder.values())]


def test_names_that_do_not_exist_and_freezing_everything_are_refused(small):
    parts = ["encoder", "latent", "decoder", "likelihood"]
    wrong = {
        ("encodr",): "Did you mean 'encoder'",
        ("encoder.",): "encoder",
        ("",): "part to freeze",
        tuple(parts): "Everything by which the autoencoder could learn is frozen",
    }
    for names, message in wrong.items():
        changes = {**SMALL, "train.frozen": list(names)}
        recipe = prepare(override(load_recipe("conv-bn"), changes), small)
        with pytest.raises(ConfigError, match=message):
            check_network(recipe, 100, torch.device("cpu"))
