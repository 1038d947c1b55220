"""Anomalies: examples that differ from those an autoencoder was trained on."""

from collections.abc import Callable
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OutlierMixin

from latentscape.analyses.anomalies.scoring import (
    NEIGHBOURS,
    MahalanobisDistance,
    NeighbourDistance,
)
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.records import Array
from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.codes import CodeEstimator
from latentscape.estimators.examples import check_examples

_Distance = Callable[[Array], NDArray[np.float64]]

_DISTANCES: dict[str, Callable[[Array], _Distance | None]] = {
    "reconstruction": lambda codes: None,
    "latent_knn": lambda codes: NeighbourDistance(codes).among_others,
    "mahalanobis": MahalanobisDistance,
}
"""From training codes to a distance of new codes. The reconstruction error needs no codes."""


class AutoencoderDetector(OutlierMixin, CodeEstimator):  # type: ignore[misc]
    """Train an autoencoder, and find examples that differ from its training examples.

    Parameters
    ----------
    autoencoder : Autoencoder, optional
        Scores the examples. ``FrozenEstimator(fitted)`` uses a trained one as it is. By default
        ``Autoencoder()``.
    method : str
        ``reconstruction``: the mean squared error of the reconstruction. ``latent_knn``: the mean
        distance to the five nearest training codes, without an identical one. ``mahalanobis``: the
        distance to the mean of the training codes under their covariance.
    contamination : float
        Share of the training examples that count as anomalies, above 0 and up to 0.5. It only
        sets the threshold.

    Attributes
    ----------
    offset_ : float
        The score below which an example is an anomaly.
    autoencoder_ : Autoencoder
        Fitted.
    n_features_in_ : int
        Numbers in an example.

    Notes
    -----
    The network reconstructs training examples better than new ones of the same kind. So the share
    of new examples that count as anomalies is larger than `contamination`. The difference grows
    as training examples become fewer.

    Examples
    --------
    >>> from latentscape import Autoencoder, AutoencoderDetector, load_data
    >>> digits = load_data("mnist-5k")
    >>> ones = digits.images[digits.labels == 1]
    >>> detector = AutoencoderDetector(Autoencoder("simple-20", max_epochs=2)).fit(ones)
    >>> bool(detector.score_samples(ones).mean() > detector.score_samples(digits.images).mean())
    True
    """

    def __init__(
        self,
        autoencoder: Autoencoder | None = None,
        *,
        method: str = "reconstruction",
        contamination: float = 0.1,
    ) -> None:
        self.autoencoder = autoencoder
        self.method = method
        self.contamination = contamination

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the autoencoder, and set the threshold.

        Parameters
        ----------
        X : array-like
            As for `Autoencoder.fit`. All or most examples should be normal.
        y : array-like, optional
            Labels, for a recipe that trains with them. Other recipes ignore them.

        Returns
        -------
        AutoencoderDetector
            Itself.

        Raises
        ------
        ConfigError
            If there is no such method, or `contamination` is out of range.
        DataError
            If there are too few examples for the method.
        """
        self._check_parameters(len(check_examples(self, X, reset=True)))
        codes = self._fit_autoencoder(X, y)
        self._distance = _DISTANCES[self.method](codes)
        self.offset_ = float(np.percentile(self._scores(X), 100 * self.contamination))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return minus the error or distance of each example, (n,). The best score is 0.

        Errors are per number of an example, on a scale where the autoencoder's `value_range` is 0
        to 1. Distances are in units of the codes. X, and what is raised, is as for
        `Autoencoder.transform`.
        """
        self._check(X)
        return self._scores(X)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return `score_samples` minus ``offset_``, (n,). Anomalies are below 0."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return -1 for anomalies and 1 for normal examples, (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        if self._distance is None:
            scores: NDArray[np.float64] = self.autoencoder_.score_samples(X)
            return scores
        return -self._distance(self._encoded(X))

    def _check_parameters(self, count: int) -> None:
        """Refuse parameters that do not fit so many examples, before training."""
        if self.method not in _DISTANCES:
            raise unknown("detection method", self.method, _DISTANCES, ConfigError)
        if not isinstance(self.contamination, Real) or not 0 < self.contamination <= 0.5:
            raise ConfigError(
                f"contamination is {self.contamination!r}", expected="above 0, and 0.5 at most"
            )
        if self.method == "latent_knn" and count <= NEIGHBOURS:
            raise DataError(
                f"X holds {count} examples", expected=f"more than the {NEIGHBOURS} neighbours"
            )
