"""Many models of one shape at once, on a device."""

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

import torch

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.trainings import all_of, images_of, prepared
from benchmarks.jobs import Row
from benchmarks.works import named
from latentscape.core.records import Split
from latentscape.core.runtime import synchronize
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.hook import Hook
from latentscape.training.together import train_together
from latentscape.training.train import train_recipe

RECIPE = "simple-20"


def many(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time as many seeds at once as sizes say."""
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
    trainings = [partial(_train, seed, split, device, sizes.epochs) for seed in range(count)]
    synchronize(device)
    begun = perf_counter()
    errors = _alone(trainings[0]) if count == 1 else train_together(RECIPE, trainings, device)
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
