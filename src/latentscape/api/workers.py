"""Runs that are trained, and analyses that are made, side by side in processes of their own."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from latentscape.api.finishing import finish_run
from latentscape.api.preparing import start_run
from latentscape.api.shapes import finish_group
from latentscape.config import Recipe
from latentscape.core.errors import TrainingError
from latentscape.core.memory import available_memory
from latentscape.core.progress import steps
from latentscape.core.randomness import forked_random
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device, count_threads
from latentscape.data.sharing import is_shared, shared
from latentscape.parallel.calls import Call, Sent, call_in_turn, call_together, error_of
from latentscape.parallel.cluster import Cluster, Share, Shipped
from latentscape.parallel.tasks import call_on_cluster
from latentscape.runs import Run, open_run
from latentscape.tracking.tracker import Tracker
from latentscape.training.timing import training_seconds

SHARING = 1.25
"""What runs side by side cost each other in shared caches and memory, as a factor of time."""

TIMING = 5.0
"""Seconds that timing takes, whatever else the machine does, give or take a step."""

MEMORY = 1e9
"""Bytes that a process takes beside its data, with room to spare."""


@dataclass(frozen=True)
class Finishing:
    """How runs are finished: what `finish_run` is given beside run and split."""

    device: str
    quiet: bool
    trackers: Sequence[type[Tracker]]


def choose_jobs(work: Sequence[tuple[Recipe, Split]], device: torch.device) -> int:
    """Choose how many runs to train at once, by timing steps of each recipe.

    Small networks gain little from further cores, and several of them much more: as many as there
    are cores, and memory for, are trained at once, or one after the other, whichever is faster for
    all together.

    Parameters
    ----------
    work : sequence of (Recipe, Split)
        All runs that are to be trained.
    device : torch.device
        Where; runs share no other device than the CPU.

    Returns
    -------
    int
        How many at once.
    """
    stores = [split.dataset.images for _, split in work]
    data = max((store.nbytes for store in stores if not is_shared(store)), default=0)
    jobs = most_jobs(len(work), device, MEMORY + data)
    if jobs == 1:
        return 1
    times = _time_recipes(work, device, count_threads(), jobs)
    alone = sum(seconds for seconds, _ in times)
    together = sum(seconds for _, seconds in times) / jobs
    longest = max(seconds for _, seconds in times)
    return jobs if max(together, longest) < alone else 1


def most_jobs(count: int, device: torch.device, memory: float = MEMORY) -> int:
    """Return how many of `count` works find a core, and so many bytes of memory, for each."""
    if device.type != "cpu":
        return 1
    return max(1, int(min(count_threads(), count, available_memory() / memory)))


def _time_recipes(
    work: Sequence[tuple[Recipe, Split]], device: torch.device, threads: int, jobs: int
) -> list[tuple[float, float]]:
    """Return how long runs train, in seconds, alone and as one of several.

    What cannot be timed within `TIMING` seconds in all is left out: the others decide.
    """
    end = time.monotonic() + TIMING
    keys = [recipe.model_dump_json(exclude={"train": {"seed"}}) for recipe, _ in work]
    recipes = dict(zip(keys, work, strict=True))
    times = dict[str, tuple[float, float]]()
    for number, key in enumerate(steps("timing", list(recipes), lambda key: recipes[key][0].name)):
        left = end - time.monotonic()
        if times and left <= 0:
            break
        recipe, split = recipes[key]
        share = max(0.0, left) / (2 * (len(recipes) - number))
        with forked_random(0, device):
            alone = training_seconds(recipe, split, threads, device, share)
            together = training_seconds(recipe, split, threads // jobs, device, share)
        times[key] = alone, SHARING * together
    return [times[key] for key in keys if key in times]


def finish_together(
    groups: Sequence[Sequence[tuple[Run, Split]]], how: Finishing, jobs: int, threads: int
) -> Iterator[tuple[Run, TrainingError | None]]:
    """Train runs to their ends and evaluate them, several at once.

    Parameters
    ----------
    groups : sequence of sequence of (Run, Split)
        Where they stand, and their examples. Those of a group are trained as one; see
        `latentscape.api.shapes.group_runs`.
    how : Finishing
        What each is given.
    jobs : int
        How many groups at once, each in a process of its own; a single one is trained in this one.
    threads : int
        On how many threads each.

    Yields
    ------
    Run
        One that has come to its end, in the order in which they do.
    TrainingError or None
        What went wrong with it.

    Raises
    ------
    Interrupted
        If Ctrl-C came; every run has saved itself.
    RunError
        If the system ended a process.
    """
    count = sum(map(len, groups))
    splits = {id(split): split for group in groups for _, split in group}
    with shared(list(splits.values())) as moved:
        sent = {key: Sent(split) for key, split in zip(splits, moved, strict=True)}
        calls = [
            Call(
                _name_of(group),
                partial(_finish_group, [(run, sent[id(split)]) for run, split in group], how),
                share=len(group),
            )
            for group in groups
        ]
        if jobs == 1:
            ends = call_in_turn(
                "runs", calls, count=count, describe=lambda number: calls[number].name
            )
        else:
            ends = call_together("runs", calls, jobs, threads, count=len(calls), total=count)
        for number, future in ends:
            for (run, _), error in zip(groups[number], future.result(), strict=True):
                yield run, error


def _name_of(group: Sequence[tuple[Run, Split]]) -> str:
    name = group[0][0].name
    return f"{name} and {len(group) - 1} more" if len(group) > 1 else name


def _finish_group(
    group: Sequence[tuple[Run, Sent[Split]]], how: Finishing
) -> list[TrainingError | None]:
    runs = [(run, split.open()) for run, split in group]
    return finish_group(runs, how.device, how.trackers)


def finish_on_cluster(
    runs: Sequence[tuple[Recipe, Split, Path]], how: Finishing, jobs: int | None, cluster: Cluster
) -> Iterator[tuple[int, TrainingError | None]]:
    """Train runs to their ends and evaluate them, each as a task of a Ray cluster.

    Parameters
    ----------
    runs : sequence of (Recipe, Split, Path)
        What each trains, on what, and its directory, which all nodes see. One that is there goes on
        from where it stands.
    how : Finishing
        What each is given.
    jobs : int or None
        How many at once, on as many cores as there are for each; None gives each a core, and Ray
        does as many at once as it has room for.
    cluster : Cluster
        Where.

    Yields
    ------
    int
        The number of one that has come to its end, in the order in which they do.
    TrainingError or None
        What went wrong with it.

    Raises
    ------
    Interrupted
        If Ctrl-C came; every run has saved itself.
    ConfigError, RunError
        If nodes see other files, or the cluster fails.
    """
    share = cluster.share(jobs)
    cluster.check(runs[0][2].parent, [split for _, split, _ in runs])
    shipped = {id(split): cluster.ship(split) for _, split, _ in runs}
    calls = [
        Call(path.name, partial(_begin_and_finish, recipe, shipped[id(split)], path, how, share))
        for recipe, split, path in runs
    ]
    for number, future in call_on_cluster("runs", calls, cluster, share, jobs, count=len(calls)):
        yield number, error_of(future)


def _begin_and_finish(
    recipe: Recipe, shipped: Shipped[Split], path: Path, how: Finishing, share: Share
) -> None:
    """Train a run on a node, which its record then describes."""
    split = shipped.open()
    if path.exists():
        run = open_run(path)
    else:
        run = start_run(recipe, split, path, choose_device(how.device), threads=share.cores)
    finish_run(run, split, device=how.device, trackers=how.trackers)
