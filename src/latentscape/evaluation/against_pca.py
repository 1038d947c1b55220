"""A model beside PCA with a code of the same size, compared test image by test image."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentscape.core.findings import Record
from latentscape.core.units import EXACT

NO_BETTER = 0.98
"""Share of the mean image's error from which on a model hardly does better than that image."""

Outcome = Literal["wins", "loses", "undecided"]
Verdict = Literal["exact_pca", "hardly_better", "no_better", "beats", "loses", "undecided"]


class Difference(Record):
    """A model's squared error per pixel less that of PCA, over the same test images.

    Attributes
    ----------
    mean : float
        Below zero where the model is better.
    se : float or None
        Its standard error over test images, and over seeds where there are several; None of a
        single image.
    n : int
        Test images.
    seeds : int
        Models that were trained with different seeds.
    se_of_seeds : float
        What the seeds' own spread adds to the standard error, in quadrature.
    """

    mean: float
    se: float | None = Field(ge=0)
    n: int = Field(ge=1)
    seeds: int = Field(1, ge=1)
    se_of_seeds: float = Field(0.0, ge=0)

    @classmethod
    def of(cls, errors: NDArray[np.float64], pca_errors: NDArray[np.float64]) -> Self:
        """Compare errors (n,) of the same images."""
        differences = errors - pca_errors
        n = len(differences)
        se = float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else None
        return cls(mean=float(differences.mean()), se=se, n=n)

    @classmethod
    def over_seeds(cls, differences: Sequence[Self]) -> Self:
        """Average over seeds, all of which saw the same images.

        Seeds err on the same images, so that these do not average out: their variance stays, and
        that of the mean over seeds is added to it.
        """
        if len(differences) == 1:
            return differences[0]
        means, seeds = [item.mean for item in differences], len(differences)
        errors = [item.se for item in differences if item.se is not None]
        of_seeds = float(np.std(means, ddof=1)) / math.sqrt(seeds)
        se = None
        if len(errors) == seeds:
            se = math.sqrt(float(np.square(errors).mean()) + of_seeds**2)
        mean, n = float(np.mean(means)), differences[0].n
        return cls(mean=mean, se=se, n=n, seeds=seeds, se_of_seeds=of_seeds)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Interval of 95 %; None of a single image.

        Each of its two parts has the width of Student's distribution, because two or three seeds
        tell little of their own spread; squares of widths add up (Zou and Donner 2008).
        """
        if self.se is None:
            return None
        of_images = math.sqrt(max(0.0, self.se**2 - self.se_of_seeds**2))
        parts = [(of_images, self.n), (self.se_of_seeds, self.seeds)]
        reach = math.hypot(*(_student(count) * se for se, count in parts if count > 1))
        return self.mean - reach, self.mean + reach

    @property
    def outcome(self) -> Outcome:
        """Whether the model wins against PCA, loses, or neither can be told."""
        low, high = self.interval or (-math.inf, math.inf)
        if low < 0 < high or low == high == 0:
            return "undecided"
        return "wins" if self.mean < 0 else "loses"


@cache
def _student(count: int) -> float:
    """Return standard errors of a mean within which it lies with a probability of 95 %."""
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, 0.975))


class BaselineComparison(Record):
    """A model's squared error beside those of its baselines, per pixel.

    Attributes
    ----------
    mse, pca_mse, mean_image_mse : float
        Over the test examples.
    components : int
        Of PCA: as many as the code has numbers.
    difference : Difference or None
        The model's error less that of PCA, image by image; None of what was evaluated before
        version 0.2.0, which kept means alone.
    sees_labels : bool
        Whether the model gets the label of every image, which PCA does not.
    codebook_size : int or None
        Of a code of indices, which hold less than the real numbers of PCA.
    """

    mse: float
    pca_mse: float
    mean_image_mse: float
    components: int
    difference: Difference | None = None
    sees_labels: bool = False
    codebook_size: int | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether the model wins against PCA, loses, or neither can be told."""
        if self.difference is not None:
            return self.difference.outcome
        return "wins" if self.mse < self.pca_mse else "loses"

    @property
    def beats_pca(self) -> bool:
        """Whether the model's error is below that of PCA, beyond what test images leave open."""
        return self.outcome == "wins"

    @property
    def is_like_for_like(self) -> bool:
        """Whether model and PCA know the same of an image."""
        return not self.sees_labels and self.codebook_size is None

    @property
    def verdict(self) -> Verdict:
        """How the model does; see `latentscape.reporting.sentences.describe_verdict`."""
        if self.pca_mse < EXACT:
            return "exact_pca"
        if self.mse >= self.mean_image_mse:
            return "no_better"
        if self.mse > NO_BETTER * self.mean_image_mse:
            return "hardly_better"
        verdicts: dict[Outcome, Verdict] = {"wins": "beats", "loses": "loses"}
        return verdicts.get(self.outcome, "undecided")
