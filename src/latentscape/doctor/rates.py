"""A range test: a few steps at several learning rates, each from the same initial weights."""

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, count, islice

from latentscape.config import Recipe, override
from latentscape.core.records import Split
from latentscape.model import Network
from latentscape.training.fit import fit
from latentscape.training.hook import Hook, Training
from latentscape.training.loader import Batch, Loader
from latentscape.training.start import load_batches, set_up
from latentscape.training.state import TrainState

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


class _Batches:
    """The first training batches, as all that there are."""

    def __init__(self, loader: Loader) -> None:
        every = chain.from_iterable(loader.epoch(number) for number in count())
        self._batches, self.data = list(islice(every, STEPS)), loader.data
        self.examples = sum(map(len, self._batches))

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Yield them."""
        yield from self._batches[first:]


class _Losses(Hook):
    """Keeps the loss of each step, until one is infinite or NaN, or all have been taken."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_step(self, training: Training) -> None:
        """Keep a loss."""
        self.losses.append(float(training.losses[0]))
        if not self.losses[-1] < math.inf or len(self.losses) == STEPS:
            training.stop()


def try_rates(model: Network, recipe: Recipe, split: Split) -> RangeTest:
    """Take a few steps at each rate, from the weights of a model, which stays as it is.

    After Smith (2017), Cyclical learning rates for training neural networks, section 3.3; but each
    rate begins anew, so that none suffers from the one before. Schedules and their warm-up are left
    out.
    """
    rates = tuple(recipe.train.lr * factor for factor in FACTORS)
    batches = _Batches(load_batches(recipe, split, model.device))
    # The same batches without training: they differ, too.
    begin = _loss(model, recipe, batches, 0.0)
    falls = tuple(begin - _loss(model, recipe, batches, factor) for factor in FACTORS)
    return RangeTest(rates, falls, recipe.train.lr)


def _loss(model: Network, recipe: Recipe, batches: _Batches, factor: float) -> float:
    """Return the loss of the last steps at a factor of the rate; infinite where it diverged."""
    model, hook = deepcopy(model), _Losses()
    start = math.ceil(recipe.objective.settled_at)
    config = override(recipe, {"train.schedule": "constant", "train.epochs": start + 1}).train
    state = TrainState(epoch=start, rate_factor=factor)
    with set_up(config, model.device, "range test"):
        fit(model, model.objective, batches, config, [hook], state)
    return sum(hook.losses[-LAST:]) / LAST if hook.losses[-1] < math.inf else math.inf
