"""Many models of one shape at once, on a device."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import torch

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.trainings import all_of, images_of, prepared
from benchmarks.works import named
from latentscape.core.records import Split
from latentscape.core.runtime import synchronize
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.hook import Hook
from latentscape.training.train import train_recipe

Row = dict[str, Any]

RECIPE, MODULE = "simple-20", "latentscape.training.together"


def many(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time as many seeds at once as sizes say, in times of a single one.

    Where this version trains no models as one, there is one row that says so.
    """
    if find_spec(MODULE) is None:
        yield {"what": "this version trains no models as one"}
        return
    work = named(RECIPE)
    split = all_of(images_of(work, sizes.images))
    for count in sizes.models:
        seconds = _seconds(count, split, device, sizes)
        yield {
            "work": RECIPE,
            "models": count,
            "images": sizes.images,
            "epochs": sizes.epochs,
            "seconds": seconds,
        }


def _seconds(count: int, split: Split, device: torch.device, sizes: Sizes) -> float:
    """Train so many seeds, from the first network to the last loss."""
    together = import_module(MODULE).train_together
    trainings = [partial(_train, seed, split, device, sizes.epochs) for seed in range(count)]
    synchronize(device)
    begun = perf_counter()
    errors = _alone(trainings[0]) if count == 1 else together(RECIPE, trainings, device)
    synchronize(device)
    seconds = perf_counter() - begun
    for error in filter(None, errors):
        raise error
    return seconds


def _alone(train: Callable[[], object]) -> list[None]:
    train()
    return [None]


def _train(seed: int, split: Split, device: torch.device, epochs: int, *hooks: Hook) -> None:
    changes = {"train.seed": seed, "train.epochs": epochs}
    recipe, own = prepared(RECIPE, split, changes)
    train_recipe(recipe, own, device, MemoryCheckpoints(f"{RECIPE}-{seed}"), hooks)
