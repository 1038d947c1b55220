"""What memory cannot hold is refused before it is taken."""

import numpy as np
import pytest
import torch

import latentscape
from latentscape.api.preparing import prepare
from latentscape.api.training import describe_recipe
from latentscape.config import load_recipe, override
from latentscape.core import memory
from latentscape.core.errors import ConfigError
from latentscape.estimators import Autoencoder
from latentscape.training.memory import check_network, network_to_describe, training_memory

CPU = torch.device("cpu")
TOO_LARGE = {
    "a code": ({"model.latent.dim": 3_000_000_000}, r"3,606,.* weights, needs 10[36] TB of memory"),
    "a layer": ({"model.encoder.widths": [10**6] * 3}, "needs 112 TB"),
    "no tensor": ({"model.latent.dim": 3 * 10**17}, "larger than any machine could hold"),
    "no number": ({"model.latent.dim": 10**30}, "larger than any machine could hold"),
    "layers": ({"model.encoder.widths": [8] * 20_000}, "at most 1000 items"),
}


@pytest.mark.parametrize(("changes", "message"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_network_that_is_too_large_is_refused(changes, message, tmp_path, digits):
    with pytest.raises(ConfigError, match=message) as refused:
        latentscape.train("vae-20", data="mnist-5k", changes=changes, folder=tmp_path)
    assert len(str(refused.value)) < 600
    assert not [*tmp_path.iterdir()]


def test_an_estimator_refuses_it_too():
    values = np.random.default_rng(0).random((20, 6))
    with pytest.raises(ConfigError, match="of memory"):
        Autoencoder("simple-20", latent_dim=3_000_000_000).fit(values)


def test_the_outputs_of_layers_count_for_each_example_of_a_batch(small, monkeypatch):
    recipe = prepare(load_recipe("conv-bn"), small)
    monkeypatch.setattr(memory, "available_memory", lambda device=None: 40e6)
    check_network(recipe, 1, CPU)
    with pytest.raises(ConfigError, match=r"needs \d+ MB .* free, 40 MB.*batch_size"):
        check_network(recipe, 10_000, CPU)


def test_every_recipe_has_room_and_leaves_the_random_numbers_alone(recipe):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check_network(recipe, 500, CPU)
    assert torch.equal(torch.get_rng_state(), before)


def test_adam_takes_seven_times_the_weights():
    """Weights, gradients, two moments, and a checkpoint of the first and the last two."""
    recipe = load_recipe("vae-20")
    assert recipe.train.optimizer == "adam"
    assert training_memory(recipe, 1000, 0, 500) == 7 * 4 * 1000
    sgd = override(recipe, {"train.optimizer": "sgd", "train.batch_size": 10})
    assert training_memory(sgd, 1000, 30, 500) == 3 * 4 * 1000 + 4 * 30 * 10


def test_a_network_that_no_machine_holds_can_be_looked_at():
    _, architecture = describe_recipe("vae-20", changes={"model.latent.dim": 3_000_000_000})
    assert architecture.parameters == 3_606_000_628_784
    with pytest.raises(ConfigError, match="larger than any machine"):
        describe_recipe("vae-20", changes={"model.latent.dim": 2**62})


def test_a_small_network_is_built_with_its_numbers(recipe):
    """PyTorch imports its compiler to put shapes through one without."""
    network = network_to_describe(recipe.model, recipe.objective)
    assert network.device == CPU
