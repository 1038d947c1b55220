"""How much memory training takes, and refusing a network that has no place."""

import math

import torch

from latentscape.config import ModelConfig, ObjectiveConfig, Recipe
from latentscape.core.errors import ConfigError
from latentscape.core.memory import check_memory
from latentscape.core.randomness import forked_random
from latentscape.core.units import count
from latentscape.model import Network
from latentscape.training.rehearsal import rehearse

NUMBER = 4
"""Bytes of a float32."""

_SMALL = 25_000_000
"""Weights up to which a network is built in a moment: 100 MB."""

MOMENTS = {"adam": 2, "adamw": 2, "muon": 1, "rmsprop": 1}
"""Numbers that an optimizer keeps for each weight, at the least."""


def network_to_describe(model: ModelConfig, objective: ObjectiveConfig) -> Network:
    """Build a network whose layers can be listed: a large one without its numbers.

    A ConfigError if the parts do not fit each other or the input, or no tensor could be so large.
    """
    outline = _outline(model, objective)
    if _weights(outline) > _SMALL:
        return outline
    # To put shapes through an outline, PyTorch imports its compiler, which takes a second.
    with forked_random(0, torch.device("cpu")):
        return Network(model, objective)


def training_memory(recipe: Recipe, weights: int, outputs: int, examples: int) -> float:
    """Return the bytes that training takes beside the data, at the least.

    These are the weights, their gradients and what the optimizer keeps; a checkpoint of them; and,
    for the gradients, what all layers together put out for each example of a batch.
    """
    moments = MOMENTS.get(recipe.train.optimizer, 0)
    copies = 2 + moments + 1 + moments  # Trained, and as bytes on their way to a checkpoint.
    if recipe.train.average is not None:
        copies += 3  # The average, and that for a checkpoint; the weights while it is measured.
    batch = min(recipe.train.batch_size, examples)
    return float(NUMBER * (weights * copies + outputs * batch))


def check_network(recipe: Recipe, examples: int, device: torch.device) -> None:
    """Refuse a network whose parts do not fit each other, or that memory cannot hold in training.

    The ConfigError says what would be needed, before any of the memory is taken; or what a network
    of the user's own does that cannot be trained on so many examples.
    """
    network = network_to_describe(recipe.model, recipe.objective)
    network.freeze(recipe.train.frozen)
    network.players()  # Refuses to freeze all that could learn.
    check_memory(
        f"Training the recipe {recipe.name}, {count(network.parameter_count)} weights,",
        memory_of(network, recipe, examples),
        "Lower model.latent.dim, train.batch_size, or the widths or channels of model.encoder.",
        device,
    )
    rehearse(recipe, examples)


def memory_of(network: Network, recipe: Recipe, examples: int) -> float:
    """Return the bytes that training a network takes; see `training_memory`."""
    return training_memory(recipe, _weights(network), _outputs(network), examples)


def _weights(network: Network) -> int:
    return sum(tensor.numel() for tensor in network.state_dict().values())


def _outputs(network: Network) -> int:
    return sum(math.prod(layer["output"]) for layer in network.describe())


def _outline(model: ModelConfig, objective: ObjectiveConfig) -> Network:
    """Build a network without its numbers: whatever the sizes, it takes no memory."""
    try:
        with torch.device("meta"):
            return Network(model, objective)
    except (RuntimeError, TypeError, OverflowError) as error:
        if "overflow" not in str(error).lower():  # More numbers than 64 bits can count.
            raise
        raise ConfigError(
            "A layer of the network is larger than any machine could hold",
            fix="Lower model.latent.dim, or the widths or channels of model.encoder.",
        ) from error
