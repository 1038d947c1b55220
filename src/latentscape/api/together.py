"""A run that several workers train: they begin alike, and the first one writes."""

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import torch

from latentscape.config import Recipe
from latentscape.core.files import appears
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.runs import Run, open_run
from latentscape.training.hook import Hook
from latentscape.training.hooks.workers import SAME_FOLDER
from latentscape.training.train import follow_run
from latentscape.training.workers import Workers


def begin_on_workers(
    workers: Workers, recipe: Recipe, split: Split, path: Path, begin: Callable[[], Run]
) -> Run:
    """Let the first worker begin a run, once all are known to be alike, and all others open it.

    Parameters
    ----------
    workers : Workers
        This one and the others.
    recipe : Recipe
        As this worker has resolved it.
    split : Split
        As this worker has read it.
    path : Path
        Directory of the run.
    begin : callable
        Makes the directory, or makes it ready.

    Raises
    ------
    TrainingError
        If versions, recipes or data of workers differ, or they do not see the same directory.
    RunError
        As `begin` raises it.
    """
    if workers.count == 1:
        return begin()
    same = "Install the same versions on all of them: constraints.txt."
    workers.agree("their versions", _versions, same)
    workers.agree("the recipe", lambda: _settings(recipe), "Give all of them the same command.")
    workers.agree("the data", lambda: _examples(split), "Give all of them the same data.")
    run = workers.each(begin if workers.leads else lambda: None)
    workers.agree("the directory of the run", lambda: _identity(path), SAME_FOLDER)
    return run or open_run(path)


def finish_on_workers(
    workers: Workers,
    run: Run,
    split: Split,
    device: str,
    hooks: Sequence[Hook],
    finish: Callable[[], object],
) -> None:
    """Let the first worker finish a run, while the others train it with that one.

    Parameters
    ----------
    workers, run, split
        As of `begin_on_workers`.
    device : str
        As for `latentscape.train`.
    hooks : sequence of Hook
        Those that follow training on every worker do so.
    finish : callable
        Trains and evaluates it, and writes.

    Raises
    ------
    LatentscapeError
        What one of the workers has raised.
    """
    is_trained = not workers.first(lambda: run.finished)
    if workers.leads:
        workers.each(partial(_lead, workers, finish) if is_trained else finish)
        return
    if is_trained:
        everywhere = [hook for hook in hooks if hook.everywhere]
        follow_run(run, split, choose_device(device), workers, everywhere)
    workers.each(lambda: None)


def _lead(workers: Workers, finish: Callable[[], object]) -> None:
    """Finish a run; the others follow already, and hear of the end also if no training begins."""
    with workers.conversation.leading():
        finish()


def _versions() -> str:
    own, python = version("latentscape"), python_version()
    return f"latentscape {own}, PyTorch {torch.__version__}, Python {python}"


def _settings(recipe: Recipe) -> str:
    digest = sha256(recipe.fingerprint("").encode()).hexdigest()
    return f"{recipe.name} ({digest[:12]})"


def _examples(split: Split) -> str:
    """Name the examples, and how they are divided."""
    sizes = ", ".join(str(len(part)) for part in (split.train, split.validation, split.test))
    return f"{split.dataset.name}, {sizes} examples ({split.dataset.fingerprint[:12]})"


def _identity(path: Path) -> str:
    appears(path / "recipe.yaml")
    return open_run(path).identity
