"""A range test: a few steps at several learning rates, each from the same initial weights."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, count, islice

import torch

from latentscape.config import Recipe, override
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, training_on
from latentscape.model import Network
from latentscape.training.loader import Batch, Examples, Loader
from latentscape.training.optim import build_optimizers
from latentscape.training.step import TrainingStep

STEPS = 20
"""Steps at each rate."""

LAST = 5
"""Of these, the last ones whose mean loss counts."""

FACTORS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
"""Times the learning rate of the recipe."""


@dataclass(frozen=True)
class RangeTest:
    """How far the training loss falls at each rate.

    Attributes
    ----------
    rates : tuple of float
        Learning rates, the lowest first.
    falls : tuple of float
        Nats per example by which the loss falls; below 0 if it rises, and minus infinity where it
        became infinite or NaN.
    current : float
        The learning rate of the recipe, which is one of them.
    """

    rates: tuple[float, ...]
    falls: tuple[float, ...]
    current: float

    @property
    def own_fall(self) -> float:
        """How far the loss falls at the rate of the recipe."""
        return self.falls[self.rates.index(self.current)]

    @property
    def best_rate(self) -> float:
        """The rate at which the loss falls most."""
        return self.rates[self.falls.index(max(self.falls))]

    @property
    def best_fall(self) -> float:
        """How far it falls there."""
        return max(self.falls)


def try_rates(model: Network, recipe: Recipe, split: Split) -> RangeTest:
    """Take a few steps at each rate, from the weights of a model, which stays as it is.

    After Smith (2017), Cyclical learning rates for training neural networks, section 3.3; but each
    rate begins anew, so that none suffers from the one before. Schedules and their warm-up are left
    out.
    """
    rates = tuple(recipe.train.lr * factor for factor in FACTORS)
    batches = list(islice(_batches(model, recipe, split), STEPS))
    # The same batches without training: they differ, too.
    begin = _loss(model, recipe, batches, 0.0)
    falls = tuple(begin - _loss(model, recipe, batches, factor) for factor in FACTORS)
    return RangeTest(rates, falls, recipe.train.lr)


def _loss(model: Network, recipe: Recipe, batches: list[Batch], factor: float) -> float:
    """Return the loss of the last steps at a factor of the rate; infinite where it diverged."""
    config = override(recipe, {"train.schedule": "constant"}).train
    model = deepcopy(model).train()
    precision = choose_precision(config.precision, model.device)
    seed, losses = derive_seed(config.seed, "range test"), list[float]()
    optimizers = build_optimizers(model.players(), config)
    take_step = TrainingStep(model, optimizers, config, precision, captured=False)
    with forked_random(seed, model.device), training_on(precision), torch.enable_grad():
        for batch in batches:
            losses.append(float(take_step(batch, torch.inf, factor)[0]))
            if not losses[-1] < torch.inf:
                return torch.inf
    return sum(losses[-LAST:]) / LAST


def _batches(model: Network, recipe: Recipe, split: Split) -> Iterator[Batch]:
    examples, config = Examples(split.dataset, model.device), recipe.train
    is_drawn = recipe.data.binarize == "dynamic"
    loader = Loader(examples, split.train, config.batch_size, config.seed, binarize=is_drawn)
    return chain.from_iterable(loader.epoch(number) for number in count())
