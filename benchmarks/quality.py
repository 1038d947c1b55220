"""Time to quality: seconds of training until a model is as good as the reference projects' were.

Validation decides when training ends, for all alike: after every `EVERY` steps, outside the time
that is measured. The test images are seen once, by the model that is left then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.environments import FOLDER, NotInstalled
from benchmarks.images import Images
from benchmarks.jobs import Row, carry_out
from benchmarks.processes import Failed
from benchmarks.unfinished import Kept, go_on, keep
from benchmarks.works import Contestant, Work, load_mnist, named
from latentscape.config import DataConfig
from latentscape.core.git import git_commit
from latentscape.core.runtime import choose_device, choose_precision
from latentscape.data import split_dataset

SEEDS = range(5)
SEARCH_SEED = 100
"""Of the search for the tuned script's best rate: none of those that are measured."""

EVERY = 50
"""Steps after which the validation error is measured, again and again."""

MOST_EPOCHS = 60
"""A training that has not come to its aim by then is given up."""

PUBLISHED_RATE = 1e-3

QUALITY = "quality"
"""The section of the results that holds, for each work, what was measured of it."""

UNFINISHED = FOLDER / QUALITY


@dataclass(frozen=True)
class Aim:
    """A quality to reach.

    Attributes
    ----------
    recipe : str
        What is trained.
    error : float
        Validation error at which training ends, in the unit of the work.
    source : str
        Where that number comes from.
    rates : tuple of float
        Constant learning rates that are tried for the tuned script, the likeliest first.
    """

    recipe: str
    error: float
    source: str
    rates: tuple[float, ...]

    @property
    def work(self) -> Work:
        """The recipe, with its batch size and its unit."""
        return named(self.recipe)


AIMS = (
    Aim("simple-20", 65.3, "the reference project's test loss", (1e-3, 2e-3, 4e-3)),
    Aim("elaborate-4", 21.8, "the reference project's test loss", (2e-3, 1e-3, 4e-3)),
    Aim("vae-20", 105.0, "an ELBO of -105", (2e-3, 4e-3, 1e-3)),
    Aim("conv-bn", 119.1, "its test loss after 25 epochs of 20,000 images", (8e-3, 16e-3, 4e-3)),
)


@dataclass(frozen=True)
class Entrant(Contestant):
    """A contestant that is to come to an aim.

    Attributes
    ----------
    lr : float or None
        Constant learning rate; None where the best one is searched for.
    seeds : int
        How many of them it is trained with at most.
    """

    lr: float | None = PUBLISHED_RATE
    seeds: int = len(SEEDS)


OWN = Entrant("Latentscape", "latentscape_quality", None)
"""By its default way, which takes rates, schedule and length by itself."""

SEARCHED = Entrant("PyTorch, tuned, best rate", "pytorch_tuned", "pytorch", lr=None)
# The slowest by far, of which less is to be learnt.
PUBLISHED = Entrant("PyTorch, tuned", "pytorch_tuned", "pytorch", seeds=2)
ENTRANTS = (OWN, SEARCHED, PUBLISHED)


def run_quality(
    aim: Aim, seeds: Sequence[int] = SEEDS, unfinished: Path = UNFINISHED
) -> dict[str, Any]:
    """Train a work by each entrant with each seed, until it is good enough.

    Each training is kept at once: the same command goes on where it was stopped.

    Parameters
    ----------
    aim : Aim
        What is trained, and how well.
    seeds : sequence of int
        Of initial weights and batches.
    unfinished : Path
        Folder where trainings are kept until all are done.

    Returns
    -------
    dict
        ``searches``: a row for each rate that was tried for the tuned script; ``rows``: a row for
        each seed and entrant.
    """
    precision = choose_precision("auto", choose_device("cpu"))
    plan = {
        "commit": git_commit(Path(__file__)),
        "aim": [aim.recipe, aim.error, *aim.rates],
        "seeds": list(seeds),
    }
    file = unfinished / f"{aim.recipe}.json"
    kept = go_on(file, plan, "searches", "rows")
    images = _load_images()
    for rate in aim.rates:
        _search(aim, rate, precision, images, kept)
        keep(file, kept)
    # Seeds outside, entrants inside: whatever else the machine does happens to all of them.
    for place, seed in enumerate(seeds):
        for entrant in (each for each in ENTRANTS if place < each.seeds):
            if not any(_is_of(row, entrant, seed) for row in kept["rows"]):
                lr = best_rate(kept["searches"]) if entrant.lr is None else entrant.lr
                kept["rows"].append(_reached(aim, entrant, lr, seed, precision, images))
                keep(file, kept)
    file.unlink(missing_ok=True)
    sizes = {part: len(values) for part, values in images.items()}
    return {
        "commit": plan["commit"],
        "sizes": sizes,
        "searches": kept["searches"],
        "rows": kept["rows"],
    }


def best_rate(searches: Sequence[Row]) -> float:
    """Return the rate with which the tuned script came to its aim in the fewest steps.

    Where none did, it is the published one.
    """
    good = [row for row in searches if row["reached"]]
    best = min(good, key=lambda row: len(row["errors"]), default=None)
    return float(best["lr"]) if best else PUBLISHED_RATE


def _search(aim: Aim, rate: float, precision: str, images: Images, kept: Kept) -> None:
    """Train the tuned script at a rate, for no more epochs than the best rate so far began."""
    rows = kept["searches"]
    if any(row["lr"] == rate for row in rows):
        return
    most = min((len(row["epoch_seconds"]) for row in rows if row["reached"]), default=MOST_EPOCHS)
    rows.append(_reached(aim, SEARCHED, rate, SEARCH_SEED, precision, images, most))


def _is_of(row: Row, entrant: Entrant, seed: int) -> bool:
    return (row["entrant"], row["seed"]) == (entrant.name, seed)


def _load_images() -> Images:
    """Return the parts into which the default split divides the full MNIST."""
    dataset = load_mnist()
    split, images = split_dataset(dataset, DataConfig()), np.asarray(dataset.images)[:, 0]
    return {part: images[getattr(split, part)] for part in ("train", "validation", "test")}


def _reached(
    aim: Aim,
    entrant: Entrant,
    lr: float,
    seed: int,
    precision: str,
    images: Images,
    most: int = MOST_EPOCHS,
) -> Row:
    """Return what comes of one training, or why nothing does."""
    row: Row = {
        "work": aim.recipe,
        "entrant": entrant.name,
        "lr": None if entrant == OWN else lr,
        "seed": seed,
        "precision": precision,
        "failure": None,
        "reached": False,
    }
    settings = {"epochs": most, "lr": lr, "seed": seed, "every": EVERY, "target": aim.error}
    try:
        answer = carry_out(replace(entrant, precision=precision), aim.work, images, settings)
    except NotInstalled as error:
        return {**row, "failure": f"not installed: {error}"}
    except Failed as error:
        return {**row, "failure": str(error)}
    row |= answer | {"reached": answer["errors"][-1] <= aim.error}
    print(_described(row), flush=True)
    return row


def _described(row: Row) -> str:
    rate = f"at {row['lr']:g}" if row["lr"] else ""
    name = f"{row['work']:12} {row['entrant']:26} {rate:9} seed {row['seed']:3}"
    errors = f"validation {row['errors'][-1]:.2f}, test {row['test_loss']:.2f}"
    return f"{name}: {row['seconds'][-1]:6.1f} s, {steps(row):,} steps, {errors}"


def steps(row: Row) -> int:
    """Return after how many steps a training was checked last."""
    return EVERY * len(row["errors"])


def seconds_to(rows: Sequence[Row], entrant: Entrant) -> list[float]:
    """Return the seconds of training until an aim, of each seed; infinite where it is missed."""
    return [
        row["seconds"][-1] if row["reached"] else inf
        for row in rows
        if row["entrant"] == entrant.name and not row["failure"]
    ]


def ahead(rows: Sequence[Row], entrant: Entrant) -> float | None:
    """Return how many times as long as Latentscape an entrant takes, by medians.

    It is None where that was not measured, or Latentscape does not come to the aim.
    """
    own, others = (seconds_to(rows, each) for each in (OWN, entrant))
    if not own or not others or median(own) == inf:
        return None
    return median(others) / median(own)
