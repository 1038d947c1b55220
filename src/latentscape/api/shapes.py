"""Runs of one shape, which may be trained as one: which they are, and whether that is faster."""

import math
from collections.abc import Sequence
from functools import partial

import torch

from latentscape.api.finishing import finish_run
from latentscape.config import Recipe
from latentscape.core.errors import Interrupted, TrainingError
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.runs import Run
from latentscape.tracking.tracker import Tracker
from latentscape.training.hook import Hook
from latentscape.training.timing import seconds_together, training_seconds
from latentscape.training.together import train_together

MAX_TOGETHER = {"cpu": 16, "cuda": 64}
"""Runs that are trained as one at most, by the kind of device; on others they are not."""

TIMED_TOGETHER = 8
"""Runs that are timed together at most."""

GAIN = 1.1
"""How many times as fast it has to be."""

TIMING, TIMING_EACH = 6.0, 2.0
"""Seconds that timing takes at most: of all shapes, and of each; give or take a step."""

_ALIKE = {"batch_size", "accumulate", "shards", "precision", "engine", "frozen"}
"""What says how a step is taken, and so has to be the same in all runs of a shape."""


def group_runs(
    runs: Sequence[tuple[Recipe, Split]],
    jobs: int,
    threads: int,
    device: torch.device,
    begun: Sequence[int | None],
) -> list[list[int]]:
    """Put runs together that are trained as one, because a few steps of them are faster so.

    What has begun goes on as it began, so that it comes to the same bits.

    Parameters
    ----------
    runs : sequence of (Recipe, Split)
        All that are to be trained.
    jobs : int
        How many processes share them.
    threads : int
        On how many threads each of these computes.
    device : torch.device
        Where.
    begun : sequence of int or None
        With how many others each has begun to train as one, itself included; None for new ones.

    Returns
    -------
    list of list of int
        The numbers of runs; most often each stands alone.
    """
    shapes = dict[tuple[str, bool | None], list[int]]()
    for number, (run, together) in enumerate(zip(runs, begun, strict=True)):
        has_others = None if together is None else together > 1
        shapes.setdefault((_shape(*run), has_others), []).append(number)
    groups = list[list[int]]()
    seconds = min(TIMING_EACH, TIMING / max(1, len(shapes)))
    for (_, has_others), numbers in shapes.items():
        size = min(MAX_TOGETHER.get(device.type, 1), math.ceil(len(numbers) / jobs))
        if has_others is None:
            has_others = _pays(*runs[numbers[0]], size, threads, device, seconds)
        size = size if has_others else 1
        count = math.ceil(len(numbers) / size)
        groups += [numbers[place::count] for place in range(count)]
    return groups


def _shape(recipe: Recipe, split: Split) -> str:
    """Name all that runs have in common where they differ in numbers of their training alone."""
    train = recipe.train.model_dump_json(include=_ALIKE)
    return f"{id(split)} {recipe.model_dump_json(include={'model', 'objective'})} {train}"


def _pays(
    recipe: Recipe, split: Split, size: int, threads: int, device: torch.device, seconds: float
) -> bool:
    """Time steps of a run alone and with others, for so many seconds."""
    train = recipe.train
    if size < 2 or train.shards > 1 or train.accumulate > 1 or train.engine == "plain":
        return False
    alone = training_seconds(recipe, split, threads, device, seconds / 2)
    count = min(size, TIMED_TOGETHER)
    return alone > GAIN * seconds_together(recipe, split, count, threads, device, seconds / 2)


def finish_group(
    runs: Sequence[tuple[Run, Split]], device: str, trackers: Sequence[type[Tracker]]
) -> list[TrainingError | None]:
    """Train runs of one shape as one, evaluate each, and return what went wrong with each.

    Raises
    ------
    LatentscapeError
        If something else than training went wrong, or it was stopped.
    """

    def finish(run: Run, split: Split, *hooks: Hook) -> None:
        finish_run(run, split, device=device, trackers=trackers, hooks=hooks)

    finishing = [partial(finish, run, split) for run, split in runs]
    if len(runs) > 1:
        name = f"{runs[0][0].name} and {len(runs) - 1} more"
        return [_checked(error) for error in train_together(name, finishing, choose_device(device))]
    try:
        finishing[0]()
    except TrainingError as error:
        return [_checked(error)]
    return [None]


def _checked(error: Exception | None) -> TrainingError | None:
    """Return why a training has failed; raise what is none of its own failures."""
    if error is None or (isinstance(error, TrainingError) and not isinstance(error, Interrupted)):
        return error
    raise error
