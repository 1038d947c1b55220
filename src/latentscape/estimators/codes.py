"""What the estimators that stand on the codes of an autoencoder have in common."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.examples import check_examples
from latentscape.records import Array


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
        """Train the autoencoder, and return X, checked."""
        values = check_examples(self, X, reset=True)
        autoencoder = Autoencoder() if self.autoencoder is None else self.autoencoder
        self.autoencoder_ = clone(autoencoder).fit(values, y)
        return values

    def _codes(self, X: ArrayLike) -> Array:
        """Return the codes (n, latent_dim) of other examples."""
        return self._encoded(self._values(X))

    def _encoded(self, values: Array) -> Array:
        """Return the codes of examples that were checked, whatever ``set_output`` asks for."""
        return np.asarray(self.autoencoder_.transform(values))

    def _values(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return check_examples(self, X, reset=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
