"""One side of a trial: a recipe that is trained for some epochs at a time, in memory."""

import time
from dataclasses import replace

import torch

from latentscape.config import Recipe
from latentscape.core.errors import Interrupted, TrainingError
from latentscape.core.records import Split
from latentscape.doctor.diagnosis import Line
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.model import Network
from latentscape.runs.facts import History
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.hook import Hook, Training
from latentscape.training.state import TrainState
from latentscape.training.train import train_recipe


class _Pause(Hook):
    """Stops training after an epoch; it goes on from a checkpoint."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch(self, training: Training) -> None:
        """Stop where it is time to."""
        if training.state.epoch >= self._epoch:
            training.stop()


class Contender:
    """A recipe that is trained a few epochs at a time: the other side has the machine in between.

    Training goes on from a checkpoint, so that it has the bits of one that runs through.

    Parameters
    ----------
    recipe : Recipe
        Prepared for the split.
    split : Split
        The examples.
    device : torch.device
        Where to train.

    Attributes
    ----------
    seconds : float
        Time that training has taken so far.
    diverged : bool
        Whether its loss became infinite or NaN again and again.
    """

    def __init__(self, recipe: Recipe, split: Split, device: torch.device) -> None:
        self.recipe, self.split, self._device = recipe, split, device
        self._store, self._state = MemoryCheckpoints(recipe.name), TrainState()
        self._model: Network | None = None
        self.seconds, self.diverged = 0.0, False

    def train_until(self, epoch: int) -> None:
        """Train until so many epochs are done, unless training has ended before.

        Raises
        ------
        Interrupted
            If Ctrl-C came.
        """
        if self.diverged or self.epochs >= self.recipe.train.epochs:
            return
        began = time.perf_counter()
        try:
            self._model, self._state = train_recipe(
                self.recipe, self.split, self._device, self._store, [_Pause(epoch)]
            )
        except Interrupted:
            raise
        except TrainingError:
            self.diverged = True
        self.seconds += time.perf_counter() - began

    @property
    def epochs(self) -> int:
        """Epochs that are done."""
        return len(self._state.history)

    @property
    def steps(self) -> int:
        """Steps that are done."""
        return self.epochs * self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return self.recipe.train.steps_per_epoch(len(self.split.train))

    @property
    def last_error(self) -> float | None:
        """Squared error per pixel of validation examples after the last epoch, if it is known."""
        epochs = self._state.history
        if self.diverged or not epochs or epochs[-1].validation is None:
            return None
        return epochs[-1].validation.mse

    @property
    def error_curve(self) -> Line | None:
        """Squared error per pixel of validation examples over the steps."""
        held_out = [epoch for epoch in self._state.history if epoch.validation]
        errors = [epoch.validation.mse or 0.0 for epoch in held_out if epoch.validation]
        places = [epoch.epoch * self.steps_per_epoch for epoch in held_out]
        return curve("validation error", errors, places) if errors else None

    @property
    def patient(self) -> Patient:
        """The model as it stands, to be examined."""
        assert self._model is not None
        return Patient(
            self.recipe,
            self.split,
            self._model,
            history=History(epochs=tuple(self._state.history)),
            events=self._state.events,
        )


def fewer(split: Split, examples: int, held_out: int) -> Split:
    """Return a split with at most so many training examples and validation examples."""
    return replace(
        split,
        train=split.subset("train", examples),
        validation=split.subset("validation", held_out),
    )
