"""Where training starts from, where that depends on the data."""

from latentscape.config import Recipe
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.model import Network
from latentscape.training.loader import Examples, in_order

STANDARDISED_ON = 128
"""Training images that initial weights are scaled on."""


def standardise(model: Network, recipe: Recipe, split: Split, examples: Examples) -> None:
    """Scale the initial weights of a model on a few training images, always the same ones."""
    seed = derive_seed(recipe.train.seed, "initialisation")
    batch = next(in_order(examples, split.subset("train", STANDARDISED_ON)))
    if recipe.data.binarize == "dynamic":
        batch = examples.binarised(batch, seed)
    with forked_random(seed, model.device):
        model.standardise(batch.images, batch.labels)
