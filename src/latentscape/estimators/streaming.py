"""One more epoch of training for an existing network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.config import Recipe, override
from latentscape.core.errors import TrainingError
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Split
from latentscape.core.runtime import choose_precision, training_on
from latentscape.model import Network
from latentscape.training.checkpoint import pack_optimizers, unpack_optimizers
from latentscape.training.loader import Examples, Loader
from latentscape.training.optim import Optimizers, build_optimizers
from latentscape.training.step import TrainingStep

Moments = Mapping[str, Array]
"""The state of an optimizer."""


@dataclass(frozen=True, eq=False)
class Epoch:
    """The result of an epoch.

    Attributes
    ----------
    losses : dict of str to float
        The mean ``loss`` and that of each of its terms, in nats per example.
    moments : mapping
        The state of the optimizer, for the next epoch.
    """

    losses: dict[str, float]
    moments: Moments


def train_epoch(
    network: Network, recipe: Recipe, split: Split, moments: Moments, number: int
) -> Epoch:
    """Train a network once on all training examples of a split.

    Parameters
    ----------
    network : Network
        In evaluation mode before and after. If the epoch fails, its weights do not change.
    recipe : Recipe
        Has the objective, and the learning rate, which is used in full.
    split : Split
        The examples.
    moments : mapping
        The state of the optimizer after the epoch before; empty at first.
    number : int
        Epochs before this one.

    Raises
    ------
    TrainingError
        If the loss or a weight is no longer finite.
    """
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizers = build_optimizers(network.players(), recipe.train)
    unpack_optimizers(optimizers, {name: torch.tensor(value) for name, value in moments.items()})
    try:
        means = _train(network.train(), optimizers, recipe, split, number)
        _check_finite(network, means)
    except BaseException:
        network.load_state_dict(before)
        raise
    finally:
        network.eval()
    names = ["loss", *network.objective.names]
    state = {name: value.cpu().numpy() for name, value in pack_optimizers(optimizers).items()}
    return Epoch(dict(zip(names, means.tolist(), strict=True)), state)


def _check_finite(network: Network, means: NDArray[np.float64]) -> None:
    weights = network.state_dict().values()
    if not np.isfinite(means).all() or not all(bool(w.isfinite().all()) for w in weights):
        raise TrainingError(
            "The loss or a weight became infinite or NaN; the weights are as they were before",
            fix="Lower lr, or look at the values of X.",
        )


def _train(
    network: Network, optimizers: Optimizers, recipe: Recipe, split: Split, number: int
) -> NDArray[np.float64]:
    """Return the mean loss, and the mean of each of its terms."""
    config = override(recipe, {"train.schedule": "constant"}).train
    examples = Examples(split.dataset, network.device)
    dynamic = recipe.data.binarize == "dynamic"
    loader = Loader(examples, split.train, config.batch_size, config.seed, dynamic)
    precision = choose_precision(config.precision, network.device)
    # An epoch of a stream may be short, and the next one has another optimizer.
    take_step = TrainingStep(network, optimizers, config, precision, captured=False)
    losses: list[Tensor] = []
    seed = derive_seed(config.seed, "partial", number)
    with forked_random(seed, network.device), training_on(precision):
        for place, batch in enumerate(loader.epoch(number)):
            loss = take_step(batch, number + place / len(loader))
            losses.append(loss * (len(batch) / loader.examples))
    means: NDArray[np.float64] = torch.stack(losses).sum(0).cpu().double().numpy()
    return means
