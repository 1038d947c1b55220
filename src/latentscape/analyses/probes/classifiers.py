"""Three classifiers that read labels from codes: k-NN, logistic regression and a perceptron.

Each learns from several draws of training examples, and chooses its settings on the validation part
where that is not empty.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.neighbours.method import nearest
from latentscape.analyses.probes.perceptron import Labelled, train_perceptrons
from latentscape.core.records import Array
from latentscape.core.runtime import one_thread
from latentscape.inference.batches import subsample

NEIGHBOURS = (1, 3, 5, 9, 15)
STRENGTHS = (1.0, 0.1, 0.01, 10.0, 100.0)
"""What k and C are chosen from; the first of them where nothing can be chosen."""

MOST_TO_CHOOSE_K = 2000
MOST_TO_CHOOSE_C = 10_000
"""Validation examples that choose k, and training examples that C is tried on, at most."""

MOST_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class Part:
    """Examples with labels.

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

    def at(self, places: NDArray[np.int64]) -> "Part":
        """Return the examples at some places."""
        return Part(self.codes[places], self.labels[places])

    def some(self, most: int) -> "Part":
        """Return so many examples at most, spaced evenly."""
        return self.at(subsample(np.arange(len(self)), most))

    def accuracy(self, seen: NDArray[np.int64]) -> float:
        """Return the share of the labels that are seen rightly, of (n,)."""
        return float((seen == self.labels).mean())

    def tensors(self) -> Labelled:
        """Return codes and labels as tensors, which share their memory."""
        return torch.from_numpy(self.codes), torch.from_numpy(self.labels)


@dataclass(frozen=True, eq=False)
class Task:
    """What a probe works on.

    Attributes
    ----------
    train, validation, test : Part
        To learn from, to choose settings on (perhaps empty), and to be scored on.
    classes : int
        How many labels there are; a part need not have all of them.
    seed : int
        Draws initial weights and batches.
    """

    train: Part
    validation: Part
    test: Part
    classes: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a probe reached.

    Attributes
    ----------
    accuracies : sequence of float
        Shares of the test part, one for each draw.
    settings : mapping
        Those that were chosen or fixed.
    curves : sequence of mapping
        Of a perceptron; see `latentscape.analyses.probes.perceptron.Training`.
    """

    accuracies: Sequence[float]
    settings: Mapping[str, Any]
    curves: Sequence[Mapping[str, float | None]] = field(default=())


Probe = Callable[[Task, NDArray[np.int64]], Outcome]
"""From a task and the places (draws, n) in its training part that each draw learns from."""


def knn(task: Task, drawn: NDArray[np.int64]) -> Outcome:
    """Classify by the vote of the k nearest codes, by Euclidean distance."""
    k = _chosen_k(task, task.train.at(drawn[0])) if len(task.validation) else NEIGHBOURS[0]
    scores = []
    for places in drawn:
        train = task.train.at(places)
        seen = train.labels[nearest(train.codes, task.test.codes, k)]
        scores.append(task.test.accuracy(_vote(seen, task.classes)))
    return Outcome(scores, {"k": k})


def logistic(task: Task, drawn: NDArray[np.int64]) -> Outcome:
    """Classify by multinomial logistic regression with an L2 penalty, by scikit-learn."""
    strength = STRENGTHS[0]
    if len(task.validation):
        train = task.train.at(drawn[0][:MOST_TO_CHOOSE_C])
        tried = {C: _fitted(train, C).predict(task.validation.codes) for C in STRENGTHS}
        strength = max(tried, key=lambda C: task.validation.accuracy(tried[C]))
    models = [_fitted(task.train.at(places), strength) for places in drawn]
    scores = [task.test.accuracy(model.predict(task.test.codes)) for model in models]
    iterations = max(int(model.n_iter_.max()) for model in models)
    return Outcome(scores, {"C": strength, "iterations": iterations})


def mlp(task: Task, drawn: NDArray[np.int64]) -> Outcome:
    """Classify by a perceptron with 64 hidden units, one for each draw."""
    training = train_perceptrons(
        task.train.tensors(),
        torch.from_numpy(drawn),
        task.validation.tensors(),
        task.classes,
        task.seed,
    )
    seen = training.networks.logits(torch.from_numpy(task.test.codes)).argmax(2).numpy()
    settings = {"epochs": training.epochs, "kept": training.kept}
    return Outcome([task.test.accuracy(labels) for labels in seen], settings, training.curves)


CLASSIFIERS: dict[str, Probe] = {"knn": knn, "logistic": logistic, "mlp": mlp}


def _chosen_k(task: Task, train: Part) -> int:
    """Return the number of neighbours with which most validation examples are seen rightly."""
    part = task.validation.some(MOST_TO_CHOOSE_K)
    fitting = [k for k in NEIGHBOURS if k <= len(train)]
    seen = train.labels[nearest(train.codes, part.codes, fitting[-1])]
    return max(fitting, key=lambda k: part.accuracy(_vote(seen[:, :k], task.classes)))


def _vote(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return the most frequent label (n,) of each row (n, k); the first one of a tie."""
    rows = classes * np.arange(len(labels))[:, None]
    counts = np.bincount((rows + labels).ravel(), minlength=len(labels) * classes)
    winners: NDArray[np.int64] = counts.reshape(-1, classes).argmax(1)
    return winners


def _fitted(train: Part, strength: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with one_thread(), warnings.catch_warnings():
        # How many iterations it took stands in the settings.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=MOST_ITERATIONS).fit(
            train.codes, train.labels
        )
