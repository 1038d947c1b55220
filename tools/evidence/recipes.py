"""Every recipe on small data, as it is trained unless somebody asks for something else.

Four data sets stand for what people try first: digits, clothes, digits of 64 pixels, and a folder
of a few photographs. Runs that exist are used again, so the command goes on where it was stopped.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

import latentscape
from latentscape.api.preparing import default_name, prepare, resolve
from latentscape.config import Changes, Recipe, load_recipe, recipe_names
from latentscape.core.errors import ConfigError, DataError, Interrupted, TrainingError
from latentscape.core.files import write_json
from latentscape.core.records import Split
from latentscape.evaluation.results import Evaluation
from latentscape.runs import Run, RunFindings, load_split, runs_in
from tools.evidence.measuring import RUNS, facts_of, measured_now
from tools.evidence.records import Evidence, Number, ResultRow

PHOTOGRAPHS, SIDE = 86, 48
"""So many crops of so many pixels in height and width."""

SECONDS = "seconds"
"""Key of the processor's seconds, of one thread, for training and evaluation together."""

_COSTS = "seconds.json"


@dataclass(frozen=True)
class Given:
    """A data set of the table: what it is called, where it is, and how much of it is taken."""

    name: str
    source: str
    changes: Changes


def given(runs: Path) -> Sequence[Given]:
    """Return the data sets; the photographs are written beside the runs."""
    part = {"data.train": 4000, "data.test": 1000, "data.validation": 0.1}
    return (
        Given("mnist-5k", "mnist-5k", {}),
        Given("digits", "digits", {}),
        Given("photographs", str(write_photographs(runs / "photographs")), {}),
        Given("fashion-mnist", "fashion-mnist", part),
    )


def write_photographs(folder: Path) -> Path:
    """Write crops of the two photographs in scikit-learn's package, a folder for each.

    They are squares that do not overlap, drawn from all of them by a seed.
    """
    images = load_sample_images()
    squares = [
        (Path(name).stem, row, column, image[row : row + SIDE, column : column + SIDE])
        for name, image in zip(images.filenames, images.images, strict=True)
        for row in range(0, image.shape[0] - SIDE + 1, SIDE)
        for column in range(0, image.shape[1] - SIDE + 1, SIDE)
    ]
    for place in np.random.default_rng(0).permutation(len(squares))[:PHOTOGRAPHS]:
        name, row, column, square = squares[place]
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(square).save(folder / name / f"{row:03d}-{column:03d}.png")
    return folder


def measure_recipes(runs: Path = RUNS) -> Evidence:
    """Train every recipe on every data set, unless that has been done, and keep the numbers."""
    torch.set_num_threads(1)
    rows = [measured(name, data, runs) for data in given(runs) for name in recipe_names()]
    return measured_now(
        "recipes",
        "Every recipe on four small data sets, with the settings that it has by default.",
        tuple(rows),
        load_recipe("simple-20"),
        precision="float32",
    )


def measured(name: str, data: Given, runs: Path) -> ResultRow:
    """Return what a recipe reaches on a data set; it is trained now if it has not been."""
    print(f"{name} on {data.name}", flush=True)
    label = f"{name} on {data.name}"
    try:
        run = _trained(name, data, runs)
    except Interrupted:
        raise  # The next one would begin otherwise.
    except (ConfigError, DataError, TrainingError) as error:
        return ResultRow(label=label, recipe=name, data=data.name, numbers={}, refused=str(error))
    findings = RunFindings(run)
    evaluation = findings.require(Evaluation)
    numbers = {
        "mse": evaluation.metrics["mse"],
        "mean_image_mse": evaluation.mean_image["mse"],
        "pca_mse": evaluation.pca.metrics["mse"],
        "pca_dim": float(evaluation.pca.dim),
        SECONDS: _costs(runs)[run.name],
    }
    return ResultRow(
        label=label,
        recipe=name,
        data=data.name,
        runs=(facts_of(findings),),
        numbers={key: Number.of((value,)) for key, value in numbers.items() if value is not None},
    )


def _trained(name: str, data: Given, runs: Path) -> Run:
    """Return the run of a recipe on a data set, trained now if there is none."""
    split = load_split(resolve(name, data.changes, data.source), None)
    recipe = prepare(resolve(name, data.changes, data.source, split), split)
    if known := _finished(recipe, split, runs):
        return known
    begin = time.process_time()
    run = latentscape.train(
        name,
        data=data.source,
        changes=data.changes,
        folder=runs,
        device="cpu",
        overwrite=True,
        quiet=True,
    )
    write_json(runs / _COSTS, {**_costs(runs), run.name: time.process_time() - begin})
    return run


def _finished(recipe: Recipe, split: Split, runs: Path) -> Run | None:
    """Return the run of a recipe, if it has been trained to its end, and its cost is known."""
    name, fingerprint = default_name(recipe, split), recipe.fingerprint(split.dataset.fingerprint)
    for run in runs_in(runs):
        known = run.name == name and name in _costs(runs)
        if known and run.finished and run.fingerprint == fingerprint:
            return run
    return None


def _costs(runs: Path) -> dict[str, float]:
    file = runs / _COSTS
    costs: dict[str, float] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return costs
