"""Searches: what was tried, what trials are compared by, and what that may mean.

A trial is compared by a number of its validation examples. That is honest only where the number is
the same quantity in all trials: `check_comparable` refuses spaces in which it is not.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from latentscape.config import Recipe, SearchMetric
from latentscape.config.space import Choices, Key, Range
from latentscape.core import units
from latentscape.core.errors import ConfigError
from latentscape.core.findings import Record
from latentscape.runs.facts import Epoch, History, Losses

BEST_RECIPE = "best.yaml"
"""The best recipe, in the folder of the study."""

TrialState = Literal["finished", "stopped", "failed"]


class SearchTrial(Record):
    """A point of a space, and what came of it.

    Attributes
    ----------
    number : int
        Counted from 1.
    state : str
        ``finished``; ``stopped`` early, because others were better by then; ``failed``: its
        settings do not fit together, or training diverged.
    params : dict
        Dotted path to value; of lists and parts their text.
    value : float or None
        What it is compared by, of the weights that it kept; None unless it finished.
    curve : tuple of float
        The same after each epoch.
    seconds : float
        Time spent training.
    message : str
        Why it failed.
    """

    number: int = Field(ge=1)
    state: TrialState
    params: dict[str, Key]
    value: float | None = None
    curve: tuple[float, ...] = ()
    seconds: float = 0.0
    message: str = ""


class Search(Record):
    """What a search tried, and what it chose.

    Attributes
    ----------
    metric : str
        What trials are compared by.
    space : dict
        Dotted path to what it was chosen from.
    trials : tuple of SearchTrial
        In the order in which they began.
    best : int
        Number of the trial with the lowest value.
    importance : dict of str to float
        Share of each setting in the differences between trials (PED-ANOVA, Watanabe et al. 2023);
        empty where too few have finished.
    begins_with_own : bool
        Whether the first trial has the recipe's own settings.
    stops : bool
        Whether trials that lag behind are stopped.
    seed : int
        Draws points, and seeds all trials.
    recipe : str
        The best settings as YAML, a recipe that `train` takes.
    bytes : int
        Size of the study's folder when the search ended.
    """

    metric: SearchMetric
    space: dict[str, Range | Choices]
    trials: tuple[SearchTrial, ...] = Field(min_length=1)
    best: int
    importance: dict[str, float] = {}
    begins_with_own: bool = False
    stops: bool = True
    seed: int = 0
    recipe: str = ""
    bytes: int = 0

    @property
    def best_trial(self) -> SearchTrial:
        """The trial with the lowest value."""
        return next(trial for trial in self.trials if trial.number == self.best)

    def count(self, state: TrialState) -> int:
        """How many trials came to such an end."""
        return sum(trial.state == state for trial in self.trials)


@dataclass(frozen=True)
class Measure:
    """A number of validation examples that trials may be compared by; lower is better.

    Attributes
    ----------
    name, unit : str
        For people.
    read : callable
        From the losses of an epoch; None where it was not measured.
    changed_by : tuple of str
        Settings that make another quantity of it, as dotted paths of them or of what they are in.
    kept_by : tuple of str
        Settings below these that do not.
    """

    name: str
    unit: str
    read: Callable[[Losses], float | None]
    changed_by: tuple[str, ...] = ()
    kept_by: tuple[str, ...] = ()

    def write(self, value: float | None) -> str:
        """Write a value with its unit."""
        return f"{units.number(value)} {self.unit}"


def _negative_elbo(losses: Losses) -> float | None:
    terms = losses.terms
    both = "reconstruction" in terms and "rate" in terms
    return terms["reconstruction"] + terms["rate"] if both else None


_LIKELIHOOD = ("model.likelihood", "model.latent.kind")
MEASURES: Mapping[SearchMetric, Measure] = {
    "loss": Measure(
        "loss",
        "nats",
        lambda losses: losses.loss,
        ("objective", *_LIKELIHOOD),
        (
            "objective.rate_warmup",
            "objective.first_samples",
            "objective.capacity.epochs",
            "objective.average",
        ),
    ),
    "elbo": Measure(
        "negative ELBO",
        "nats",
        _negative_elbo,
        ("objective.weights", "objective.samples", *_LIKELIHOOD),
        ("objective.weights.",),
    ),
    "mse": Measure("squared error", "MSE per pixel", lambda losses: losses.mse),
}
"""What trials may be compared by, by its name on the command line."""

_FIXED = {
    "data": "trials are compared on the same examples",
    "model.input": "it follows from the data",
    "model.condition": "labels tell a model what its code then need not hold",
    "model.corruption": "validation images are corrupted as well",
    "train.seed": "that is chance, and a search would find the luckiest",
    "train.engine": "it changes no number",
    "train.checkpoint_seconds": "it changes no number",
    "train.snapshots": "it changes no number",
}
"""What no search varies, and why."""


def choose_metric(recipe: Recipe, metric: SearchMetric | None) -> SearchMetric:
    """Return what trials of a recipe are compared by: the loss, unless something else is asked for.

    An adversary makes losses of different trainings incomparable: there it is the squared error.
    """
    if metric is not None:
        return metric
    return "mse" if recipe.objective.is_adversarial else "loss"


def check_comparable(recipe: Recipe, space: Iterable[str], metric: SearchMetric) -> None:
    """Refuse a search whose trials would be compared by different quantities.

    Parameters
    ----------
    recipe : Recipe
        What is searched in.
    space : iterable of str
        Dotted paths of what varies.
    metric : str
        What trials are compared by.

    Raises
    ------
    ConfigError
        Naming the setting, and what can be compared instead.
    """
    paths = [*space]
    for path in paths:
        for fixed, why in _FIXED.items():
            if _touch(path, fixed):
                raise ConfigError(f"A search cannot vary {path}: {why}", fix="Leave it out.")
    if metric not in MEASURES:
        raise ConfigError(f"metric is {metric!r}", expected=f"one of {', '.join(MEASURES)}")
    if not _is_measured(recipe, metric):
        raise ConfigError(
            f"Trials of {recipe.name} cannot be compared by {metric}: its objective has "
            f"{', '.join(recipe.objective.weights)}",
            expected=_NEEDS[metric],
            fix=_alternatives(recipe, paths),
        )
    for path in paths:
        if _changes(path, metric):
            raise ConfigError(
                f"The search varies {path}, and the validation {MEASURES[metric].name} of trials "
                "that differ in it are different quantities",
                expected="a metric that means the same in all trials",
                fix=_alternatives(recipe, paths),
            )


_NEEDS = {
    "loss": "an objective without an adversary, whose losses compare",
    "elbo": "an objective with the terms reconstruction and rate",
    "mse": "",
}


def _is_measured(recipe: Recipe, metric: SearchMetric) -> bool:
    objective = recipe.objective
    if metric == "loss":
        return not objective.is_adversarial
    return metric != "elbo" or {"reconstruction", "rate"} <= objective.weights.keys()


def _changes(path: str, metric: SearchMetric) -> bool:
    measure = MEASURES[metric]
    kept = any(path == own or path.startswith(own) for own in measure.kept_by)
    return not kept and any(_touch(path, other) for other in measure.changed_by)


def _touch(path: str, other: str) -> bool:
    """Whether one setting is the other, or a part of it."""
    return path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")


def _alternatives(recipe: Recipe, paths: Iterable[str]) -> str:
    fitting = [
        f"--metric {name} ({measure.name}, {measure.unit})"
        for name, measure in MEASURES.items()
        if _is_measured(recipe, name) and not any(_changes(path, name) for path in paths)
    ]
    return f"Compare by {' or '.join(fitting)}." if fitting else "Vary it in a study instead."


def read_metric(epoch: Epoch, metric: SearchMetric) -> float | None:
    """Return what a trial is compared by after an epoch; None where it is not a finite number."""
    value = None if epoch.validation is None else MEASURES[metric].read(epoch.validation)
    return value if value is not None and math.isfinite(value) else None


def value_of(history: History, recipe: Recipe, metric: SearchMetric) -> float | None:
    """Return what a finished trial is compared by: that of the epoch whose weights it kept."""
    epochs = [epoch for epoch in history.epochs if epoch.validation is not None]
    if not epochs:
        return None
    if recipe.train.patience is None:
        return read_metric(epochs[-1], metric)
    own = choose_metric(recipe, None)  # Early stopping goes by it, too.

    def loss(epoch: Epoch) -> float:
        value = read_metric(epoch, own)
        return math.inf if value is None else value

    return read_metric(min(epochs, key=loss), metric)
