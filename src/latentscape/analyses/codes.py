"""What an analysis has measured of one code."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentscape.core.findings import Record, Share, Skip, Statistic
from latentscape.core.metrics import Metric
from latentscape.core.units import share
from latentscape.evaluation.study import CodeScores


class CodeResult(Record):
    """A code, and what was measured of it.

    Attributes
    ----------
    name : str
        What the code is called.
    kind : str
        As of `latentscape.core.records.Codes`: ``model``, ``pixels``, ``pca`` or ``other``.
    dim : int
        Length of a code.
    skipped : tuple of Skip
        What was not measured of it, and why.
    """

    name: str
    kind: str = Field(pattern="^(model|pixels|pca|other)$")
    dim: int = Field(ge=1)
    skipped: tuple[Skip, ...] = ()


class Guessing(Record):
    """What accuracy takes no code to reach.

    Attributes
    ----------
    labels : int
        Different labels among the training examples.
    largest : float
        Share of the scored examples that have the commonest label of the training examples.
    """

    labels: int = Field(ge=1)
    largest: Share

    @property
    def accuracies(self) -> dict[str, float]:
        """Name of each way to guess, and its accuracy."""
        return {CHANCE: 1 / self.labels, LARGEST: self.largest}

    def __str__(self) -> str:
        """Write them as in ``chance 10.0 %, largest class 11.4 %``."""
        return ", ".join(f"{name} {share(value)}" for name, value in self.accuracies.items())

    def scores(self, metrics: Iterable[Metric]) -> Iterator[CodeScores]:
        """Yield the accuracies as if they were those of codes."""
        keys = [metric.key for metric in metrics]
        for name, accuracy in self.accuracies.items():
            statistics = dict.fromkeys(keys, Statistic(mean=accuracy))
            yield CodeScores.of(name, "guess", statistics)


SENTENCE_ON_INTERVALS = (
    "Two ends beside an accuracy are those of the 95 % interval that so many scored examples leave "
    "open (Wilson 1927)"
)

CHANCE, LARGEST = "chance", "largest class"
"""Any label with the same probability; always the commonest label of the training examples."""


def guess_labels(
    train: NDArray[np.int64] | None, scored: NDArray[np.int64] | None
) -> Guessing | None:
    """Return what guessing reaches; None without labels.

    Parameters
    ----------
    train, scored : ndarray of int64 or None
        Labels of the examples to learn from, and of those to be scored on.
    """
    if train is None or scored is None or not len(train) or not len(scored):
        return None
    labels, counts = np.unique(train, return_counts=True)
    return Guessing(labels=len(labels), largest=float((scored == labels[counts.argmax()]).mean()))
