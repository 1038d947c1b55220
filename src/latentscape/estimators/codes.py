"""The common part of the estimators that use the codes of an autoencoder."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from latentscape.core.records import Array
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.examination import examine
from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.examples import check_examples


class CodeEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that first trains an autoencoder, and then works on its codes.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        A fitted clone of the parameter `autoencoder`, or the content of a ``FrozenEstimator``.
    """

    autoencoder: Any
    autoencoder_: Any

    def diagnose(self, X: ArrayLike, y: ArrayLike | None = None) -> Diagnoses:
        """Say what is wrong with the autoencoder, and with the number of clusters, if any.

        See `Autoencoder.diagnose`.
        """
        self._check(X)
        return examine(self.autoencoder_._patient(X, y, getattr(self, "n_clusters", None)))

    def _fit_autoencoder(self, X: ArrayLike, y: Any = None) -> Array:
        """Train the autoencoder, unless it is frozen, and return the codes of X."""
        autoencoder = Autoencoder() if self.autoencoder is None else self.autoencoder
        self.autoencoder_ = clone(autoencoder).fit(X, y)
        return self._encoded(X)

    def _codes(self, X: ArrayLike) -> Array:
        """Check X, and return its codes (n, latent_dim)."""
        self._check(X)
        return self._encoded(X)

    def _check(self, X: ArrayLike) -> None:
        check_is_fitted(self)
        check_examples(self, X, reset=False)

    def _encoded(self, X: ArrayLike) -> Array:
        """Return codes as an array, even if the autoencoder returns data frames."""
        return np.asarray(self.autoencoder_.transform(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "autoencoder_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
