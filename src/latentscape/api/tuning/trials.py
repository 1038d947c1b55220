"""One trial of a search: its run, how it is trained, and what is kept of it."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from latentscape.api.preparing import start_run
from latentscape.api.tuning.storage import StoredJudge
from latentscape.config import Recipe, SearchMetric
from latentscape.core.errors import RunError
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.evaluation.search import read_metric
from latentscape.parallel.cluster import Shipped
from latentscape.runs import Run, open_run
from latentscape.runs.identity import SNAPSHOTS
from latentscape.training.hooks.halving import Halving
from latentscape.training.hooks.progress import Progress
from latentscape.training.train import StoppedByHook, train_run

_HEAVY = ("model.safetensors", "checkpoint", SNAPSHOTS, "findings", "report.html", "figures")
"""What is removed of trials that are not the best: weights, and what was measured of them."""


def trial_folder(study: Path, number: int) -> Path:
    """Return where a trial of a study stands."""
    return study / "trials" / f"trial-{number:03d}"


@dataclass(frozen=True)
class TrialWork:
    """How a trial is trained, here or elsewhere: it can be sent.

    Attributes
    ----------
    recipe : Recipe
        Prepared for the examples.
    path : Path
        Directory of its run; one that is there goes on from where it stands.
    judge : StoredJudge
        Knows the other trials.
    metric : str
        What trials are compared by.
    device, threads : str, int
        What it is trained on.
    """

    recipe: Recipe
    path: Path
    judge: StoredJudge
    metric: SearchMetric
    device: str
    threads: int

    def train(self, split: Split) -> None:
        """Train the trial to its end, or until it lags behind the others.

        Raises
        ------
        ConfigError, DataError
            If its settings do not fit together, or need more memory than there is.
        TrainingError
            As of `latentscape.training.train.train_run`. `Interrupted`, if it was asked to stop: it
            is saved, and goes on where it is called again.
        """
        if self.judge.has_stopped:
            return
        run = open_or_start(self.recipe, split, self.path, self.device, self.threads)
        if run.finished:
            return
        halving = Halving(self.judge, partial(read_metric, metric=self.metric))
        try:
            with run.owned("trained"):
                train_run(run, split, choose_device(self.device), [Progress(run.name), halving])
        except StoppedByHook:
            if not halving.has_stopped:
                raise

    def train_shipped(self, shipped: Shipped[Split]) -> None:
        """Do the same on a node of a cluster, with examples in its memory."""
        self.train(shipped.open())


def open_or_start(
    recipe: Recipe, split: Split, path: Path, device: str, threads: int | None = None
) -> Run:
    """Open the run of a trial, or begin it; one that was killed as it began begins again."""
    with suppress(RunError):
        run = open_run(path)
        if run.fingerprint == recipe.fingerprint(split.dataset.fingerprint):
            return run
    return start_run(recipe, split, path, choose_device(device), threads=threads, overwrite=True)


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
