"""How long training takes on a number of threads, measured on the model and the data at hand."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress

import torch

from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.core.runtime import synchronize
from latentscape.model import Network
from latentscape.training.engine.replay import WARM_UPS
from latentscape.training.fit import fit
from latentscape.training.hook import Hook, Training
from latentscape.training.start import load_batches, set_up
from latentscape.training.state import Diverged, TrainState
from latentscape.training.together import train_together
from latentscape.training.workers import ALONE, Workers

STEPS = 6
"""Steps that are timed; the fastest counts, because other programs can only slow one down."""

TIMED_FROM = WARM_UPS + 1
"""Steps before them: the warm-ups, and the one that is captured, are slower than all others."""

CPU = torch.device("cpu")


class Stopwatch(Hook):
    """Times the steps of a training, and stops it.

    Parameters
    ----------
    max_steps : int
        After so many no other step is taken.
    max_seconds : float
        Nor after so many seconds; there is one step at least.

    Attributes
    ----------
    seconds : list of float
        Of each step.
    """

    def __init__(self, max_steps: int, max_seconds: float) -> None:
        self._max_steps, self._max_seconds = max_steps, max_seconds
        self.seconds: list[float] = []

    def on_start(self, training: Training) -> None:
        """Start."""
        self._last = time.perf_counter()
        self._end = self._last + self._max_seconds

    def on_step(self, training: Training) -> None:
        """Note the time of a step."""
        synchronize(training.model.device)
        now = time.perf_counter()
        self.seconds.append(now - self._last)
        self._last = now
        if len(self.seconds) >= self._max_steps or now >= self._end:
            training.stop()


def step_seconds(
    recipe: Recipe,
    split: Split,
    device: torch.device,
    max_steps: int,
    max_seconds: float = math.inf,
    threads: int | None = None,
    workers: Workers = ALONE,
    hooks: Sequence[Hook] = (),
) -> list[float]:
    """Time steps of a new network, as all steps are once the objective has settled."""
    watch, start = Stopwatch(max_steps, max_seconds), math.ceil(recipe.objective.settled_at)
    config = recipe.train.model_copy(update={"epochs": start + recipe.train.epochs})
    with set_up(config, device, "timing", threads=threads), suppress(Diverged):
        loader = load_batches(recipe, split, device, workers)
        model = Network(recipe.model, recipe.objective).to(device)
        state = TrainState(epoch=start)
        fit(model, model.objective, loader, config, [*hooks, watch], state, workers)
    return watch.seconds


def training_seconds(
    recipe: Recipe,
    split: Split,
    threads: int | None = None,
    device: torch.device = CPU,
    max_seconds: float = math.inf,
) -> float:
    """Estimate how many seconds all steps of a recipe take, on so many threads or on all.

    A few are taken; after `max_seconds` no other one, but one at least.
    """
    seconds = step_seconds(recipe, split, device, TIMED_FROM + STEPS, max_seconds, threads)
    return min(seconds) * recipe.train.steps(len(split.train))


def seconds_together(
    recipe: Recipe,
    split: Split,
    count: int,
    threads: int | None = None,
    device: torch.device = CPU,
    max_seconds: float = math.inf,
) -> float:
    """Estimate the same for each of so many trainings that take their steps together."""

    def time_steps(hook: Hook) -> None:
        steps = TIMED_FROM + STEPS
        seconds.extend(
            step_seconds(recipe, split, device, steps, max_seconds, threads, hooks=[hook])
        )

    seconds = list[float]()
    errors = train_together("timing", [time_steps] * count, device)
    for error in filter(None, errors):
        raise error
    return min(seconds) / count * recipe.train.steps(len(split.train))
