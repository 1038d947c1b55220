"""Trainings by the objects that train a run, in memory, on any device."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.images import scenes
from benchmarks.works import ROOT, Work, load_mnist
from latentscape.api.preparing import prepare, resolve
from latentscape.config import DataConfig, Recipe
from latentscape.core.records import Dataset, Split
from latentscape.data import binarize_split, load_dataset, split_dataset
from latentscape.training.checkpoint import CheckpointStore, MemoryCheckpoints
from latentscape.training.hook import Hook, Training
from latentscape.training.state import TrainState
from latentscape.training.train import train_recipe
from latentscape.training.workers import joined


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes
    ----------
    weights : mapping of str to Tensor
        All numbers of the network.
    state : TrainState
        With the history.
    """

    weights: Mapping[str, Tensor]
    state: TrainState

    @property
    def losses(self) -> list[float]:
        """The loss of each epoch."""
        return [epoch.train.loss for epoch in self.state.history]

    @property
    def epoch_seconds(self) -> list[float]:
        """Seconds of each epoch."""
        return [epoch.seconds for epoch in self.state.history]

    def equals(self, other: "Trained") -> bool:
        """Tell whether all weights and losses are the same bits."""
        same = (torch.equal(value, other.weights[name]) for name, value in self.weights.items())
        return self.losses == other.losses and all(same)


class StopAfter(Hook):
    """Stops a training after a step, once."""

    def __init__(self, step: int) -> None:
        self._left = step

    def on_step(self, training: Training) -> None:
        """Count steps."""
        self._left -= 1
        if self._left == 0:
            training.stop()


class Spoil(Hook):
    """Makes weights NaN after a step, counted from the start whatever was rolled back."""

    def __init__(self, step: int) -> None:
        self._left = step

    def on_step(self, training: Training) -> None:
        """Count steps."""
        self._left -= 1
        if self._left == 0:
            with torch.no_grad():
                next(training.model.parameters()).fill_(torch.nan)


def train(
    recipe: Recipe,
    split: Split,
    device: torch.device,
    hooks: Sequence[Hook] = (),
    store: CheckpointStore | None = None,
    stops: Collection[int] = (),
) -> Trained:
    """Train a recipe that is prepared for a split; stop it after some steps, and go on each time.

    The workers are those of a process group, where there is one.
    """
    store = store or MemoryCheckpoints(recipe.name)
    with joined(device) as workers:
        for step in stops:
            train_recipe(recipe, split, device, store, [*hooks, StopAfter(step)], workers)
        network, state = train_recipe(recipe, split, device, store, hooks, workers)
    return Trained({name: value.cpu() for name, value in network.state_dict().items()}, state)


def prepared(
    name: str | Path, split: Split, changes: Mapping[str, Any], *, fitted: bool = False
) -> tuple[Recipe, Split]:
    """Return a recipe as it trains on a split, and the split as it is trained on.

    Its training is as published, unless it is fitted to the split.
    """
    recipe = resolve(name, changes, split.dataset, split if fitted else None)
    return prepare(recipe, split), binarize_split(split, recipe.data.binarize)


@cache
def few_digits(train: int = 330) -> Split:
    """Return some of the digits that come with the program."""
    digits = load_dataset(DataConfig(source="mnist-5k"))
    return split_dataset(digits, DataConfig(train=train, validation=40 / (train + 40), test=60))


def images_of(work: Work, images: int) -> NDArray[np.uint8]:
    """Return so many training images (n, C, H, W); nothing is fetched."""
    if work.data == "scenes":
        return scenes("train", images)
    known = mnist()[0]
    whole = np.concatenate([known for _ in range(-(-images // len(known)))])
    return whole[:images]


@cache
def mnist() -> tuple[NDArray[np.uint8], NDArray[np.uint8], bool]:
    """Return training and test images (n, 1, 28, 28), and whether they are all of MNIST.

    Where the full MNIST does not lie beside the checkout, these are the 5,000 digits that come with
    the program.
    """
    own = os.environ.get("LATENTSCAPE_DATA")
    beside = [folder / "shared" / "data" for folder in ROOT.parents[:2]]
    folders = [Path(own), *beside] if own else beside
    known = [folder for folder in folders if (folder / "mnist").exists()]
    if known:
        os.environ["LATENTSCAPE_DATA"] = str(known[0])
        images = np.asarray(load_mnist().images)
        return images[:60_000], images[60_000:], True
    digits = load_dataset(DataConfig(source="mnist-5k"))
    images = np.asarray(digits.images)
    return images[:4_000], images[4_000:], False


def all_of(images: NDArray[np.uint8] | Dataset) -> Split:
    """Return a split that trains on all images."""
    nothing = np.empty(0, np.int64)
    dataset = images if isinstance(images, Dataset) else Dataset("images", images)
    return Split(dataset, np.arange(len(dataset)), nothing, nothing, seed=0)
