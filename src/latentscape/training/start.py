"""What training starts from: a process set up for it, its batches, and the initial weights."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from latentscape.config import Recipe, TrainConfig
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, training_on
from latentscape.model import Network
from latentscape.runs.starting import agreeing
from latentscape.training.engine import choose_engine
from latentscape.training.loader import Examples, Loader, in_order
from latentscape.training.shards import ShardedLoader
from latentscape.training.workers import ALONE, Workers

STANDARDISED_ON = 128
"""Training images that initial weights are scaled on."""


@contextmanager
def set_up(
    config: TrainConfig, device: torch.device, *purpose: str | int, threads: int | None = None
) -> Iterator[None]:
    """Set up the process for training: its random numbers, precision, threads and memory.

    Parameters
    ----------
    config : TrainConfig
        With the seed, the precision and the engine.
    device : torch.device
        Where to train.
    *purpose : str or int
        What the random numbers are for; see `derive_seed`.
    threads : int, optional
        How many; by default as many as there are.
    """
    precision = choose_precision(config.precision, device)
    keep_memory = choose_engine(config.engine).keeps_memory
    with (
        forked_random(derive_seed(config.seed, *purpose), device),
        training_on(precision, threads, keep_memory=keep_memory),
        torch.enable_grad(),
    ):
        yield


def load_batches(
    recipe: Recipe, split: Split, device: torch.device, workers: Workers = ALONE
) -> Loader:
    """Return the batches that a recipe trains on; where they are cut, the shards of a worker."""
    config, is_drawn = recipe.train, recipe.data.binarize == "dynamic"
    examples = Examples(split.dataset, device)
    size = config.examples_per_step
    if config.shards == 1:
        return Loader(examples, split.train, size, config.seed, is_drawn)
    return ShardedLoader(examples, split.train, size, config.seed, is_drawn, config.shards, workers)


def begin(
    model: Network,
    recipe: Recipe,
    split: Split,
    examples: Examples,
    earlier: Mapping[str, Tensor] | None = None,
) -> None:
    """Give a new model the weights of an earlier one, where its layers agree with them.

    What is frozen stays as it is now. Where the recipe asks for it, weights that were not taken are
    scaled on training images.
    """
    taken = take_weights(model, earlier or {})
    model.freeze(recipe.train.frozen)
    if recipe.model.init.data_dependent:
        _standardise(model, recipe, split, examples, taken)


@torch.no_grad()
def take_weights(model: Network, earlier: Mapping[str, Tensor]) -> Collection[str]:
    """Copy the weights of layers that agree, in the model's memory layout, and name them."""
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
