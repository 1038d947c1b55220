"""Symptoms that begin while a model trains: they are noticed once, and nothing changes for them.

What the history tells is free. Gradients and units are looked at now and then, on a few examples,
after an epoch: the steps themselves are left alone, and no number is drawn that training would use.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import median

import torch

from latentscape.config import Recipe
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.model import Network
from latentscape.model.units import watched
from latentscape.runs.facts import Epoch, Event
from latentscape.training.hook import Hook, Training
from latentscape.training.loader import Examples, in_order
from latentscape.training.state import TrainState

EVERY = 500
"""Steps between two looks. A look takes as long as three steps of small networks."""

EXAMPLES = 64
"""Training examples that are looked at."""

RISING = 5
"""Epochs in a row without a lower validation loss."""

RISE = 0.05
"""Share of what the validation loss has fallen by that is lost again."""

JUMP = 20.0
"""Times the median: a gradient so long throws weights far away."""

DEAD = 0.75
FEWEST_UNITS = 16
"""Share of the units of a layer that put out 0 for all examples, and of how many units at least."""


class Vitals(Hook):
    """Notices symptoms while a model trains."""

    essential = True

    def __init__(self, recipe: Recipe, split: Split) -> None:
        self._recipe = recipe
        self._index = split.subset("train", EXAMPLES)
        self._steps = recipe.train.steps_per_epoch(len(split.train))

    def on_epoch(self, training: Training) -> None:
        """Report the symptoms that have begun."""
        for event in self.symptoms(training.model, training.state, training.loader.data):
            training.add_event(event)

    def symptoms(self, model: Network, state: TrainState, examples: Examples) -> Iterator[Event]:
        """Yield the symptoms that have begun with the last epoch, each once in a training.

        The model is evaluating, and stays as it is. The state takes in what a look at gradients
        measures.
        """
        known, epoch = {event.symptom for event in state.events}, len(state.history)
        if "over_fitting" not in known and (event := self._over_fitting(state.history)):
            yield event
        if self._steps * epoch // EVERY == self._steps * (epoch - 1) // EVERY:
            return
        gradient, dead = self._look(model, examples)
        if "nan_ahead" not in known and (event := _jump(epoch, gradient, state.gradients)):
            yield event
        if math.isfinite(gradient):
            state.gradients.append(gradient)
        if "dead_units" not in known and dead > DEAD:
            yield Event(epoch=epoch, kind="symptom", symptom="dead_units", value=dead)

    def _over_fitting(self, history: Sequence[Epoch]) -> Event | None:
        """Look whether the validation loss has been rising for some epochs."""
        losses = [epoch.validation.loss for epoch in history if epoch.validation is not None]
        train, objective = self._recipe.train, self._recipe.objective
        if train.patience is not None or objective.is_adversarial or len(losses) != len(history):
            return None  # Early stopping keeps the best weights.
        best = losses.index(min(losses))
        rise = (losses[-1] - losses[best]) / max(losses[0] - losses[best], 1e-12)
        is_learning = history[-1].train.loss < history[best].train.loss
        if len(losses) - 1 - best < RISING or rise < RISE or not is_learning:
            return None
        return Event(
            epoch=len(history),
            kind="symptom",
            symptom="over_fitting",
            value=rise,
            since=best + 1,
        )

    def _look(self, model: Network, examples: Examples) -> tuple[float, float]:
        """Return the length of the gradient, and the largest share of dead units of a layer."""
        batch = next(in_order(examples, self._index))
        seed = derive_seed(self._recipe.train.seed, "vitals")
        with forked_random(seed, model.device), torch.enable_grad(), watched(model) as layers:
            loss = model.loss(batch.images, batch.labels).total
            gradient = float(model.gradient_norm(loss))
        dead = [
            layer.dead
            for layer in layers
            # A sparse code is 0 nearly everywhere, and behind a code that never moves half of all
            # units are.
            if (layer.part, layer.kind) == ("encoder", "relu") and layer.units >= FEWEST_UNITS
        ]
        return gradient, max(dead, default=0.0)


def _jump(epoch: int, gradient: float, earlier: Sequence[float]) -> Event | None:
    """Compare a gradient with those of earlier looks."""
    if not earlier or not gradient > JUMP * median(earlier):
        return None
    ratio = min(gradient / max(median(earlier), 1e-30), 1e30)
    return Event(epoch=epoch, kind="symptom", symptom="nan_ahead", value=ratio)
