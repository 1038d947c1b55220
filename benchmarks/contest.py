"""The contest: the same works, trained by all contestants, on one core and on more."""

import json
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environments import NotInstalled, interpreter
from benchmarks.images import Images, load_images
from benchmarks.processes import Failed, measure
from benchmarks.scores import test_loss
from benchmarks.works import ROOT, Contestant, Work
from latentscape.core.files import write_json
from latentscape.core.git import git_commit
from latentscape.core.machine import measure_products
from latentscape.core.runtime import choose_device

Row = dict[str, Any]
Turn = tuple[int, Work, Contestant]
"""Threads, what is trained, and by whom."""

UNFINISHED = ROOT / ".peers" / "contest.json"
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
    turns = [
        (count, work, contestant)
        for count, work, contestant in product(tuple(threads), tuple(works), tuple(contestants))
    ]
    plan = {"commit": git_commit(Path(__file__)), "turns": [list(_key(turn)) for turn in turns]}
    kept = _kept(unfinished, plan)
    for turn in turns:
        if any(_is_of(row, turn) for row in kept["rows"]):
            continue
        if not any(row["work"] == turn[1].recipe for row in kept["rows"]):
            kept["limits"].append(measure_products(choose_device("cpu")))
        row = _take_turn(turn, load_images(turn[1]))
        print(_describe(row), flush=True)
        kept["rows"].append(row)
        unfinished.parent.mkdir(exist_ok=True)
        write_json(unfinished, kept)
    unfinished.unlink(missing_ok=True)
    return {"commit": plan["commit"], "limits": kept["limits"], "rows": kept["rows"]}


def _kept(unfinished: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Read what a contest of the same plan has measured before it was stopped."""
    if unfinished.exists():
        kept: dict[str, Any] = json.loads(unfinished.read_text("utf-8"))
        if kept["plan"] == plan:
            return kept
    return {"plan": plan, "limits": [], "rows": []}


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
    python = interpreter(contestant)
    with TemporaryDirectory() as name:
        folder = Path(name)
        job = {
            "work": work.recipe,
            "recipe": str(work.source),
            "train": str(_saved(folder / "train.npy", images["train"])),
            "test": str(_saved(folder / "test.npy", images["test"])),
            "epochs": work.epochs,
            "batch_size": work.batch_size,
            "lr": 1e-3,
            "seed": 0,
            "precision": contestant.precision,
            "folder": name,
        }
        (folder / "job.json").write_text(json.dumps(job))
        script = ROOT / "contestants" / f"{contestant.script}.py"
        order = [python, script, folder / "job.json"]
        measure(order, folder, dict(contestant.environment), threads)
        answer: Row = json.loads((folder / "answer.json").read_text())
        answer["test_loss"] = _test_loss(work, folder, images["test"])
    return answer


def _saved(file: Path, images: NDArray[np.uint8]) -> Path:
    np.save(file, images)
    return file


def _test_loss(work: Work, folder: Path, images: NDArray[np.uint8]) -> float:
    """Return the mean loss of the test images, from what a contestant left in its folder."""
    rate = folder / "rate.npy"
    return test_loss(
        work.metric,
        images,
        np.load(folder / "reconstructions.npy"),
        np.load(rate) if rate.exists() else None,
    )


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
