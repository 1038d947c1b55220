"""What training starts from: weights of an earlier model, and what depends on the data."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from latentscape.config import Recipe
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.model import Network
from latentscape.runs.starting import agreeing
from latentscape.training.loader import Examples, in_order

STANDARDISED_ON = 128
"""Training images that initial weights are scaled on."""


def begin(
    model: Network,
    recipe: Recipe,
    split: Split,
    examples: Examples,
    earlier: Mapping[str, Tensor] | None = None,
) -> None:
    """Give a new model the weights of an earlier one, where names and shapes agree.

    Where the recipe asks for it, the others are scaled on training images.
    """
    taken = _take(model, earlier or {})
    if recipe.model.init.data_dependent:
        _standardise(model, recipe, split, examples, taken)


@torch.no_grad()
def _take(model: Network, earlier: Mapping[str, Tensor]) -> Collection[str]:
    """Copy weights, in the memory layout of the model, and return their names."""
    own = model.state_dict()
    taken = agreeing(own, earlier)
    for name in taken:
        own[name].copy_(earlier[name])
    return taken


def _standardise(
    model: Network, recipe: Recipe, split: Split, examples: Examples, kept: Collection[str]
) -> None:
    """Scale the initial weights of a model on a few training images, always the same ones."""
    seed = derive_seed(recipe.train.seed, "initialisation")
    batch = next(in_order(examples, split.subset("train", STANDARDISED_ON)))
    if recipe.data.binarize == "dynamic":
        batch = examples.binarised(batch, seed)
    with forked_random(seed, model.device):
        model.standardise(batch.images, batch.labels, kept)
