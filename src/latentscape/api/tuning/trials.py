"""One trial of a search: its run, how it is trained, and what is kept of it."""

import shutil
from functools import partial
from pathlib import Path

from latentscape.api.tuning.storage import StoredJudge
from latentscape.config import Recipe, SearchMetric
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.evaluation.search import read_metric
from latentscape.runs import Run
from latentscape.runs.identity import SNAPSHOTS
from latentscape.training.hooks.halving import Halving
from latentscape.training.hooks.progress import Progress
from latentscape.training.train import StoppedByHook, train_run

_HEAVY = ("model.safetensors", "checkpoint", SNAPSHOTS, "findings", "report.html", "figures")
"""What is removed of trials that are not the best: weights, and what was measured of them."""


def trial_folder(study: Path, number: int) -> Path:
    """Return where a trial of a study stands."""
    return study / "trials" / f"trial-{number:03d}"


def train_trial(
    run: Run, split: Split, judge: StoredJudge, metric: SearchMetric, device: str
) -> None:
    """Train a trial to its end, or until it lags behind the others.

    It knows nothing that cannot be sent: it may run in another process, or on another machine that
    reaches the folder and the storage.

    Raises
    ------
    TrainingError
        As of `latentscape.training.train.train_run`. `Interrupted`, if it was asked to stop: it is
        saved, and goes on where it is called again.
    """
    if run.finished or judge.has_stopped:
        return
    halving = Halving(judge, partial(read_metric, metric=metric))
    try:
        with run.owned("trained"):
            train_run(run, split, choose_device(device), [Progress(run.name), halving])
    except StoppedByHook:
        if not halving.has_stopped:
            raise


def lighten(run: Run) -> None:
    """Remove the weights of a trial; its settings and its history stay, and a resume trains it."""
    heavy = [path for name in _HEAVY if (path := run.path / name).exists()]
    if not heavy:
        return
    with run.owned("written"):
        for path in heavy:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def standalone(recipe: Recipe) -> Recipe:
    """Return the recipe of a trial so that `train` takes it as it is, on any data.

    Its name is none that comes with Latentscape, so that all it says is taken for meant.
    """
    model = recipe.model.model_copy(update={"input": None})
    name = f"{recipe.name}-tuned"
    return recipe.model_copy(update={"name": name, "model": model, "published": None})
