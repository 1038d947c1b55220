"""The contest: the same works, trained by all contestants in turn."""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environments import NotInstalled, interpreter
from benchmarks.processes import Failed, measure
from benchmarks.scores import test_loss
from benchmarks.works import ROOT, Contestant, Work, load_mnist
from latentscape.core.machine import measure_products
from latentscape.core.runtime import choose_device

Images = dict[str, NDArray[np.uint8]]


def run_contest(
    works: Iterable[Work], contestants: Iterable[Contestant], repetitions: int
) -> dict[str, Any]:
    """Train each work by each contestant, all of them once before any of them again.

    Returns
    -------
    dict
        ``limits``: GFLOP/s of matrix products, measured before each repetition; ``rows``: a row for
        each work and contestant, with what came of each repetition, or why nothing did.
    """
    dataset = load_mnist()
    images = {"train": dataset.images[:60_000, 0], "test": dataset.images[60_000:, 0]}
    works, contestants = tuple(works), tuple(contestants)
    rows: dict[tuple[str, str], dict[str, Any]] = {
        (work.recipe, contestant.name): {
            "work": work.recipe,
            "contestant": contestant.name,
            "images": work.images,
            "turns": [],
            "failure": None,
        }
        for work in works
        for contestant in contestants
    }
    limits = []
    for repetition in range(repetitions):
        limits.append(measure_products(choose_device("cpu")))
        for work in works:
            for contestant in contestants:
                row = rows[work.recipe, contestant.name]
                _take_turn(row, work, contestant, images, repetition)
                print(_describe(row), flush=True)
    return {"limits": limits, "rows": [_summed_up(row) for row in rows.values()]}


def _take_turn(
    row: dict[str, Any], work: Work, contestant: Contestant, images: Images, seed: int
) -> None:
    """Add what comes of one training to a row; one failure is enough."""
    if row["failure"]:
        return
    try:
        row["turns"].append(_trained(work, contestant, images, seed))
    except NotInstalled as error:
        row["failure"] = f"not installed: {error}"
    except Failed as error:
        row["failure"] = str(error)


def _trained(work: Work, contestant: Contestant, images: Images, seed: int) -> dict[str, Any]:
    """Train a work in a process of its own, and score what it makes of the test images."""
    python = interpreter(contestant)
    with TemporaryDirectory() as name:
        folder = Path(name)
        job = {
            "work": work.recipe,
            "train": str(_saved(folder / "train.npy", images["train"][: work.images])),
            "test": str(_saved(folder / "test.npy", images["test"])),
            "epochs": work.epochs,
            "batch_size": work.batch_size,
            "lr": 1e-3,
            "seed": seed,
            "precision": contestant.precision,
            "folder": name,
        }
        (folder / "job.json").write_text(json.dumps(job))
        script = ROOT / "contestants" / f"{contestant.script}.py"
        measure([python, script, folder / "job.json"], folder, dict(contestant.environment))
        answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
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


def _summed_up(row: dict[str, Any]) -> dict[str, Any]:
    """Add the medians over repetitions; the first epoch of each counts apart."""
    turns = row["turns"]
    if not turns or row["failure"]:
        return row
    seconds = median(second for turn in turns for second in turn["epoch_seconds"][1:])
    return {
        **row,
        "seconds": seconds,
        "first_epoch_seconds": median(turn["epoch_seconds"][0] for turn in turns),
        "images_per_second": row["images"] / seconds,
        "peak_bytes": median(turn["peak_bytes"] for turn in turns),
        "test_loss": float(np.mean([turn["test_loss"] for turn in turns])),
        "test_loss_sd": float(np.std([turn["test_loss"] for turn in turns], ddof=len(turns) > 1)),
        "n": len(turns),
    }


def _describe(row: dict[str, Any]) -> str:
    name = f"{row['work']:14} {row['contestant']:22}"
    if row["failure"]:
        return f"{name} {row['failure']}"
    turn = row["turns"][-1]
    seconds = " ".join(f"{second:.2f}" for second in turn["epoch_seconds"])
    return f"{name} epochs {seconds} s, test loss {turn['test_loss']:.2f}"
