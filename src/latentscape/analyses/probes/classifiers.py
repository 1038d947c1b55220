"""Three classifiers that read labels from codes: k-NN, logistic regression and a perceptron.

Each learns from several draws of training examples, and chooses its settings on the validation part
where that is not empty.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.neighbours.method import nearest_places
from latentscape.analyses.probes.perceptron import (
    FIXED,
    Labelled,
    choose_setting,
    train_perceptrons,
)
from latentscape.analyses.probes.result import Choices, LearningPoint
from latentscape.core.progress import steps
from latentscape.core.records import Array
from latentscape.core.runtime import one_thread
from latentscape.core.subsets import draw_subset
from latentscape.evaluation.codes import rows_at

NEIGHBOURS = (1, 3, 5, 9, 15)
STRENGTHS = (1.0, 0.1, 0.01, 10.0, 100.0)
"""What k and C are chosen from; the first of them where nothing can be chosen."""

LIMITS = (1e-5, 1e5)
"""How far the choice of C is widened while the best lies at an end of what was tried."""

MAX_TO_CHOOSE_K = 2000
MAX_TO_CHOOSE_C = 10_000
"""Validation examples that choose k, and training examples that C is tried on, at most."""

MAX_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class Examples:
    """Codes with labels.

    Attributes
    ----------
    codes : ndarray of float32
        (n, D).
    labels : ndarray of int64
        (n,).
    """

    codes: Array
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, places: NDArray[np.int64]) -> "Examples":
        """Return the examples at these places."""
        return Examples(rows_at(self.codes, places), self.labels[places])

    def sample(self, max_examples: int) -> "Examples":
        """Draw so many examples at most, stratified by label."""
        return self.at(draw_subset(np.arange(len(self)), self.labels, max_examples))

    def accuracy(self, predictions: NDArray[np.int64]) -> float:
        """Return the share of predictions (n,) that are right."""
        return float((predictions == self.labels).mean())

    def tensors(self) -> Labelled:
        """Return codes and labels as tensors, which share their memory."""
        return torch.from_numpy(self.codes), torch.from_numpy(self.labels)


@dataclass(frozen=True, eq=False)
class Task:
    """What a probe works on.

    Attributes
    ----------
    train, validation, test : Examples
        To learn from, to choose settings on (perhaps empty), and to be scored on.
    classes : int
        How many labels there are; a part need not have all of them.
    seed : int
        Draws initial weights and batches.
    """

    train: Examples
    validation: Examples
    test: Examples
    classes: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a probe reached.

    Attributes
    ----------
    accuracies : sequence of float
        Shares of the test part, one for each draw.
    choices : dict
        Settings that were chosen or fixed.
    curves : tuple of LearningPoint
        Of perceptrons.
    """

    accuracies: Sequence[float]
    choices: Choices
    curves: tuple[LearningPoint, ...] = ()


Probe = Callable[[Task, NDArray[np.int64]], Outcome]
"""From a task and the places (draws, n) in its training part that each draw learns from."""


def knn(task: Task, draws: NDArray[np.int64]) -> Outcome:
    """Classify by the vote of the k nearest codes, by Euclidean distance."""
    k = _choose_k(task, task.train.at(draws[0])) if len(task.validation) else NEIGHBOURS[0]
    scores = []
    for places in draws:
        train = task.train.at(places)
        votes = train.labels[nearest_places(train.codes, task.test.codes, k)]
        scores.append(task.test.accuracy(_majority(votes, task.classes)))
    return Outcome(scores, {"k": k})


def logistic(task: Task, draws: NDArray[np.int64]) -> Outcome:
    """Classify by multinomial logistic regression with an L2 penalty, by scikit-learn."""
    strengths = _choose_strength(task, task.train.at(draws[0][:MAX_TO_CHOOSE_C]))
    models = [fit_logistic(task.train.at(places), strengths[0]) for places in draws]
    scores = [task.test.accuracy(model.predict(task.test.codes)) for model in models]
    choices: Choices = {
        "C": strengths[0],
        "iterations": max(int(model.n_iter_.max()) for model in models),
    }
    if len(strengths) > 1:
        choices["tried"] = (min(strengths), max(strengths))
    return Outcome(scores, choices)


def mlp(task: Task, draws: NDArray[np.int64]) -> Outcome:
    """Classify by a perceptron with 64 hidden units, one for each draw."""
    train, validation = task.train.tensors(), task.validation.tensors()
    places, setting = torch.from_numpy(draws), FIXED
    if len(task.validation):
        setting = choose_setting(train, places[0], validation, task.classes, task.seed)
    training = train_perceptrons(train, places, validation, task.classes, task.seed, setting)
    networks = training.networks
    predictions = networks.choose(networks.logits(torch.from_numpy(task.test.codes))).numpy()
    scores = [task.test.accuracy(labels) for labels in predictions]
    choices: Choices = {
        **setting._asdict(),
        "epochs": training.epochs,
        "best_epochs": training.best_epochs,
    }
    return Outcome(scores, choices, training.curves)


CLASSIFIERS: dict[str, Probe] = {"knn": knn, "logistic": logistic, "mlp": mlp}
"""All of them, by the keys of `latentscape.analyses.probes.result.PROBES`."""


def _choose_k(task: Task, train: Examples) -> int:
    """Return the number of neighbours by which the most validation examples are named rightly."""
    sample = task.validation.sample(MAX_TO_CHOOSE_K)
    numbers = [k for k in NEIGHBOURS if k <= len(train)]
    votes = train.labels[nearest_places(train.codes, sample.codes, numbers[-1])]
    return max(numbers, key=lambda k: sample.accuracy(_majority(votes[:, :k], task.classes)))


def _choose_strength(task: Task, train: Examples) -> list[float]:
    """Return the values of C that were tried, first the one that names most validation examples.

    While the best lies at an end, the next power of ten is tried too, up to the limits.
    """
    scores: dict[float, float] = {}
    untried = list(STRENGTHS) if len(task.validation) else []
    while untried:
        each = steps("settings", untried, lambda C: f"C {C:g}")
        scores |= {C: task.validation.accuracy(_predict(task, train, C)) for C in each}
        best = max(scores, key=lambda C: scores[C])
        beyond = {min(scores): best / 10, max(scores): best * 10}.get(best)
        untried = [beyond] if beyond and LIMITS[0] <= beyond <= LIMITS[1] else []
    return sorted(scores, key=lambda C: -scores[C]) or [STRENGTHS[0]]


def _predict(task: Task, train: Examples, strength: float) -> NDArray[np.int64]:
    predictions: NDArray[np.int64] = fit_logistic(train, strength).predict(task.validation.codes)
    return predictions


def _majority(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return the most frequent label (n,) of each row (n, k); the first one of a tie."""
    rows = classes * np.arange(len(labels))[:, None]
    counts = np.bincount((rows + labels).ravel(), minlength=len(labels) * classes)
    winners: NDArray[np.int64] = counts.reshape(-1, classes).argmax(1)
    return winners


def fit_logistic(train: Examples, strength: float = STRENGTHS[0]) -> Any:
    """Fit a multinomial logistic regression with an L2 penalty, by scikit-learn."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with one_thread(), warnings.catch_warnings():
        # How many iterations it took stands in the settings.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=MAX_ITERATIONS).fit(
            train.codes, train.labels
        )
