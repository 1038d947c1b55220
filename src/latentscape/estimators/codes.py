"""What the estimators that stand on the codes of an autoencoder have in common."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from latentscape.core.records import Array
from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.examples import check_examples


class OnCodes(BaseEstimator):  # type: ignore[misc]
    """An estimator that trains an autoencoder first, and works on its codes.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        A fitted clone of the parameter `autoencoder`, or what a ``FrozenEstimator`` holds.
    """

    autoencoder: Any
    autoencoder_: Any

    def _fit_autoencoder(self, X: ArrayLike, y: Any = None) -> Array:
        """Train the autoencoder, unless it is frozen, and return the codes of X."""
        autoencoder = Autoencoder() if self.autoencoder is None else self.autoencoder
        self.autoencoder_ = clone(autoencoder).fit(X, y)
        return self._encoded(X)

    def _codes(self, X: ArrayLike) -> Array:
        """Return the codes (n, latent_dim) of other examples."""
        self._check(X)
        return self._encoded(X)

    def _check(self, X: ArrayLike) -> None:
        check_is_fitted(self)
        check_examples(self, X, reset=False)

    def _encoded(self, X: ArrayLike) -> Array:
        """Return codes as an array, whatever ``set_output`` asks the autoencoder for."""
        return np.asarray(self.autoencoder_.transform(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "autoencoder_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
