"""Anomalies: examples that an autoencoder finds unlike those it was trained on."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OutlierMixin

from latentscape.analysis.anomaly_scores import (
    NEIGHBOURS,
    MahalanobisDistance,
    NeighbourDistance,
)
from latentscape.errors import ConfigError, DataError, unknown
from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.codes import OnCodes

_METHODS = ("reconstruction", "latent_knn", "mahalanobis")


class AutoencoderDetector(OutlierMixin, OnCodes):  # type: ignore[misc]
    """Train an autoencoder, and find what is unlike the examples it was trained on.

    Parameters
    ----------
    autoencoder : Autoencoder, optional
        What scores; ``FrozenEstimator(fitted)`` for one that is trained already. By default
        ``Autoencoder()``.
    method : str
        ``reconstruction``: the mean squared error of the reconstruction. ``latent_knn``: the mean
        distance to the five nearest training codes. ``mahalanobis``: the distance to the mean of
        the training codes under their covariance.
    contamination : float
        Share of the training examples that are to count as anomalies, above 0 and up to 0.5: it
        sets the threshold, and nothing else.

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
    The network has seen the training examples, and finds them less strange than others of their
    kind: the share of new examples that are called anomalies is larger than `contamination`, the
    more so the fewer there were to train on.

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
            As for `Autoencoder.fit`; mostly or only what is normal.
        y : array-like, optional
            As for `Autoencoder.fit`: only a recipe that trains with labels looks at it.

        Returns
        -------
        AutoencoderDetector
            Itself.

        Raises
        ------
        ConfigError
            If there is no such method, or `contamination` is no such share.
        DataError
            If there are too few examples for the method.
        """
        if self.method not in _METHODS:
            raise unknown("way to detect", self.method, _METHODS, ConfigError)
        if not 0 < self.contamination <= 0.5:
            raise ConfigError(
                f"contamination is {self.contamination}", expected="above 0, and 0.5 at most"
            )
        values = self._fit_autoencoder(X, y)
        self._distance: NeighbourDistance | MahalanobisDistance | None = None
        scores = self._fit_scores(values)
        self.offset_ = float(np.percentile(scores, 100 * self.contamination))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how normal each example is, (n,): minus the error or distance; 0 is best.

        Errors are per number of an example, on the scale on which the autoencoder's `value_range`
        is 0 to 1; distances are in units of the codes.

        Parameters
        ----------
        X : array-like
            (n, D) or images, as many numbers in each as `fit` saw.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        values = self._values(X)
        if self._distance is None:
            scores: NDArray[np.float64] = self.autoencoder_.score_samples(values)
            return scores
        return -self._distance(self._encoded(values))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return `score_samples` minus ``offset_``, (n,): below 0 for anomalies."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return -1 for anomalies and 1 for the others, (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _fit_scores(self, values: Any) -> NDArray[np.float64]:
        """Fit to the training codes where the method takes them; return the training scores."""
        if self.method == "reconstruction":
            scores: NDArray[np.float64] = self.autoencoder_.score_samples(values)
            return scores
        codes = self._encoded(values)
        if self.method == "mahalanobis":
            self._distance = MahalanobisDistance(codes)
            return -self._distance(codes)
        if len(codes) <= NEIGHBOURS:
            raise DataError(
                f"X holds {len(codes)} examples", expected=f"more than the {NEIGHBOURS} neighbours"
            )
        self._distance = NeighbourDistance(codes)
        return -self._distance(codes, itself=1)  # An example is no neighbour of its own.
