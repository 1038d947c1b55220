"""The contest: the same works, trained by all contestants, on one core and on more."""

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.environments import FOLDER, NotInstalled
from benchmarks.images import Images, load_images
from benchmarks.jobs import Row, carry_out
from benchmarks.processes import Failed
from benchmarks.unfinished import go_on, keep
from benchmarks.works import Contestant, Work
from latentscape.core.git import git_commit
from latentscape.core.machine import measure_products
from latentscape.core.runtime import choose_device

Turn = tuple[int, Work, Contestant]
"""Threads, what is trained, and by whom."""

UNFINISHED = FOLDER / "contest.json"
"""Rows of a contest that was stopped: the same command goes on from there."""


def run_contest(
    works: Iterable[Work],
    contestants: Iterable[Contestant],
    threads: Iterable[int],
    unfinished: Path = UNFINISHED,
) -> dict[str, Any]:
    """Train each work by each contestant, on so many cores each time.

    All rows are of one contest: it goes on from what a stopped one has kept, unless it was of other
    works, contestants, or another commit.

    Returns
    -------
    dict
        ``limits``: GFLOP/s of matrix products, before each work; ``rows``: a row for each work,
        contestant and number of threads, with what came of it, or why nothing did.
    """
    turns = list(product(threads, works, contestants))
    plan = {"commit": git_commit(Path(__file__)), "turns": [list(_key(turn)) for turn in turns]}
    kept = go_on(unfinished, plan, "limits", "rows")
    for turn in turns:
        if any(_is_of(row, turn) for row in kept["rows"]):
            continue
        if not any(row["work"] == turn[1].recipe for row in kept["rows"]):
            kept["limits"].append(measure_products(choose_device("cpu")))
        row = _take_turn(turn, load_images(turn[1]))
        print(_describe(row), flush=True)
        kept["rows"].append(row)
        keep(unfinished, kept)
    unfinished.unlink(missing_ok=True)
    return {"commit": plan["commit"], "limits": kept["limits"], "rows": kept["rows"]}


def _key(turn: Turn) -> Iterator[int | str]:
    threads, work, contestant = turn
    yield from (threads, work.recipe, work.images, work.epochs, contestant.name)


def _is_of(row: Row, turn: Turn) -> bool:
    threads, work, contestant = turn
    key = (row["threads"], row["work"], row["contestant"])
    return key == (threads, work.recipe, contestant.name)


def _take_turn(turn: Turn, images: Images) -> Row:
    """Return what comes of one training, or why nothing does."""
    threads, work, contestant = turn
    row = {
        "work": work.recipe,
        "contestant": contestant.name,
        "precision": contestant.precision,
        "threads": threads,
        "images": work.images,
        "batch_size": work.batch_size,
        "failure": None,
    }
    try:
        return {**row, **_summed_up(work, _trained(turn, images))}
    except NotInstalled as error:
        return {**row, "failure": f"not installed: {error}"}
    except Failed as error:
        return {**row, "failure": str(error)}


def _trained(turn: Turn, images: Images) -> Row:
    """Train a work in a process of its own, and score what it makes of the test images."""
    threads, work, contestant = turn
    settings = {"epochs": work.epochs, "lr": 1e-3, "seed": 0}
    return carry_out(contestant, work, images, settings, threads)


def _summed_up(work: Work, answer: Row) -> Row:
    """Add the median of the epochs that are timed; the first one counts apart."""
    first, *timed = answer["epoch_seconds"]
    seconds = median(timed)
    return {
        **answer,
        "first_epoch_seconds": first,
        "seconds": seconds,
        "fastest": min(timed),
        "slowest": max(timed),
        "images_per_second": work.images / seconds,
        "n": len(timed),
    }


def _describe(row: Row) -> str:
    name = f"{row['threads']} {row['work']:14} {row['contestant']:30}"
    if row["failure"]:
        return f"{name} {row['failure']}"
    seconds = " ".join(f"{second:.2f}" for second in row["epoch_seconds"])
    return f"{name} epochs {seconds} s, test loss {row['test_loss']:.2f}"
