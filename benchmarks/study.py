"""A study of many runs: `compare`, and the tuned script that trains the same runs in turn."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from benchmarks.commands import own_command
from benchmarks.environments import interpreter
from benchmarks.jobs import Row
from benchmarks.processes import measure
from benchmarks.scores import test_loss
from benchmarks.works import CONTESTANTS, ROOT, Contestant
from latentscape.api.preparing import resolve
from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device, choose_precision
from latentscape.evaluation.study import StudyFindings
from latentscape.runs import load_split, read_part

RECIPE, DATA = "simple-20", "mnist-5k"
RATES = (0.001, 0.003, 0.01)
SEEDS = 10

OWN = "Latentscape"
EACH, ALL = "a process for each run", "all runs in one process"
"""How the tuned script is run: as it is, from a loop in the shell; or with the loop inside."""


def run_study(rates: Sequence[float] = RATES, seeds: int = SEEDS) -> dict[str, Any]:
    """Train the study by each contestant, on all cores, in the precision that is faster here.

    The recipe, as it is fitted to the data, says how many steps there are and of what size; the
    script takes as many.

    Returns
    -------
    dict
        What is trained, and ``rows``: a row for each contestant.
    """
    split = load_split(resolve(RECIPE, {}, DATA), DATA)
    recipe = resolve(RECIPE, {}, DATA, split)
    precision = choose_precision("auto", choose_device("cpu"))
    tuned = ("pytorch_tuned", precision)
    script = next(each for each in CONTESTANTS if (each.script, each.precision) == tuned)
    with TemporaryDirectory() as name:
        rows = [_own(Path(name), rates, seeds, precision)]
        for how in (ALL, EACH):
            folder = Path(name) / how
            folder.mkdir()
            jobs = _jobs(folder, rates, seeds, precision, recipe, split)
            rows.append(_of_script(script, how, rates, jobs, split))
    return {
        "recipe": RECIPE,
        "data": DATA,
        "rates": list(rates),
        "seeds": seeds,
        "runs": len(rates) * seeds,
        "images": len(split.train),
        "batch_size": recipe.train.batch_size,
        "epochs": recipe.train.epochs,
        "steps": recipe.train.steps(len(split.train)),
        "rows": rows,
    }


def _own(folder: Path, rates: Sequence[float], seeds: int, precision: str) -> Row:
    """Measure the command, from its start to the report of the study."""
    study = {"entries": [{"recipe": RECIPE}], "axes": {"train.lr": list(rates)}, "seeds": seeds}
    file = folder / "rates.yaml"
    file.write_text(yaml.safe_dump(study))
    command = f"latentscape compare {file} --data {DATA} --device cpu"
    measured = measure(own_command(command), folder)
    findings = read_part(folder / "runs" / f"{file.stem}-{DATA}", StudyFindings)
    assert findings is not None
    losses = [row.statistics["nats"].mean for row in findings.rows]
    return _row(OWN, precision, measured.seconds, measured.peak_bytes, losses)


def _of_script(
    script: Contestant, how: str, rates: Sequence[float], jobs: Sequence[Path], split: Split
) -> Row:
    """Measure the script, from its start to the reconstructions of the test images."""
    order = [interpreter(script), ROOT / "contestants" / f"{script.script}.py"]
    environment = dict(script.environment)
    turns = [jobs] if how == ALL else [[job] for job in jobs]
    measured = [measure([*order, *turn], jobs[0].parent, environment) for turn in turns]
    images = split.dataset.images.take(split.test)
    losses = [
        test_loss("nats", images, np.load(job.parent / "reconstructions.npy"), None) for job in jobs
    ]
    return _row(
        f"{script.name}, {how}",
        script.precision,
        sum(turn.seconds for turn in measured),
        max(turn.peak_bytes for turn in measured),
        np.reshape(losses, (len(rates), -1)).mean(1).tolist(),
    )


def _jobs(
    folder: Path, rates: Sequence[float], seeds: int, precision: str, recipe: Recipe, split: Split
) -> list[Path]:
    """Write the images, and a job for each rate and seed."""
    parts = {"train": split.train, "test": split.test}
    for part, index in parts.items():
        np.save(folder / f"{part}.npy", split.dataset.images.take(index)[:, 0])
    files = []
    for rate, seed in product(rates, range(seeds)):
        own = folder / f"{rate}-{seed}"
        own.mkdir()
        job = {
            "work": RECIPE,
            "train": str(folder / "train.npy"),
            "test": str(folder / "test.npy"),
            "epochs": recipe.train.epochs,
            "batch_size": recipe.train.batch_size,
            "lr": rate,
            "seed": seed,
            "precision": precision,
            "folder": str(own),
        }
        (own / "job.json").write_text(json.dumps(job))
        files.append(own / "job.json")
    return files


def _row(
    name: str, precision: str, seconds: float, peak_bytes: int, losses: Sequence[float]
) -> Row:
    """Return what was measured; of the mean test losses with each rate, that with the best one."""
    row = {"contestant": name, "precision": precision, "seconds": seconds}
    row |= {"peak_bytes": peak_bytes, "test_loss": min(losses)}
    print(f"{name}: {seconds:.1f} s, {min(losses):.2f} nats", flush=True)
    return row
