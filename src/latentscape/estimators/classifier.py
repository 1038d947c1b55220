"""Labels from frozen codes."""

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length, column_or_1d

from latentscape.analyses.probes.classifiers import MOST_ITERATIONS
from latentscape.analyses.probes.perceptron import (
    BATCH_SIZE,
    HIDDEN,
    LEARNING_RATE,
    LEAST_STEPS,
    LOOKS,
)
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.records import Array
from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.codes import OnCodes
from latentscape.estimators.examples import check_examples, seed_of


def _perceptron(count: int, seed: int) -> MLPClassifier:
    """Make the perceptron that ``latentscape probe`` trains, as scikit-learn has it."""
    size = min(BATCH_SIZE, count)
    epochs = max(LOOKS, LEAST_STEPS * size // count)
    return MLPClassifier(
        (HIDDEN,),
        batch_size=size,
        learning_rate_init=LEARNING_RATE,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=seed,
    )


_PROBES: dict[str, Callable[[int, int], Any]] = {
    "logistic": lambda count, seed: LogisticRegression(max_iter=MOST_ITERATIONS),
    "knn": lambda count, seed: KNeighborsClassifier(min(5, count)),
    "mlp": _perceptron,
}
"""From a number of examples and a seed."""


class AutoencoderClassifier(ClassifierMixin, OnCodes):  # type: ignore[misc]
    """Train an autoencoder, freeze it, and classify its codes.

    The autoencoder learns without labels, unless its recipe asks for them; a small classifier, the
    probe, learns labels from codes that are centred and divided by one standard deviation, the same
    for all of their numbers.

    Parameters
    ----------
    autoencoder : Autoencoder, optional
        What makes the codes; ``FrozenEstimator(fitted)`` for one that is trained already, perhaps
        on more examples than have labels. By default ``Autoencoder()``.
    probe : str
        ``logistic`` regression, ``knn`` (the vote of five neighbours) or ``mlp``, a perceptron
        with one layer of 64 units.
    random_state : int, RandomState or None
        Draws where the probe begins.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    probe_ : estimator
        Fitted.
    autoencoder_ : Autoencoder
        Fitted.
    n_features_in_ : int
        Numbers in an example.

    Examples
    --------
    >>> from latentscape import Autoencoder, AutoencoderClassifier, load_data
    >>> digits = load_data("mnist-5k")
    >>> classifier = AutoencoderClassifier(Autoencoder("simple-20", max_epochs=2))
    >>> classifier.fit(digits.images[:4000], digits.labels[:4000])
    AutoencoderClassifier(autoencoder=Autoencoder(max_epochs=2, recipe='simple-20'))
    >>> classifier.predict_proba(digits.images[4000:]).shape
    (1000, 10)
    """

    def __init__(
        self,
        autoencoder: Autoencoder | None = None,
        *,
        probe: str = "logistic",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.autoencoder = autoencoder
        self.probe = probe
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the autoencoder on X, and the probe on its codes and y.

        Parameters
        ----------
        X : array-like
            As for `Autoencoder.fit`.
        y : array-like
            (n,) numbers or texts, of two kinds at least.

        Returns
        -------
        AutoencoderClassifier
            Itself.

        Raises
        ------
        ConfigError
            If there is no such probe.
        DataError
            If all labels are the same.
        ValueError
            If y is none, continuous, or not as long as X.
        """
        if self.probe not in _PROBES:
            raise unknown("probe", self.probe, _PROBES, ConfigError)
        check_examples(self, X, reset=True)
        labels = _check_labels(X, y)
        codes = self._fit_autoencoder(X, labels)
        self._centre = codes.mean(0)
        self._unit = float(np.sqrt(codes.var(0).mean())) or 1.0
        self.probe_ = _PROBES[self.probe](len(codes), seed_of(self.random_state))
        with warnings.catch_warnings():
            # The number of steps is part of the protocol.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.probe_.fit(self._standardised(codes), labels)
        self.classes_ = self.probe_.classes_
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the likeliest label of each example, (n,)."""
        places = self.predict_proba(X).argmax(1)
        labels: Array = self.classes_[places]
        return labels

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each label, (n, classes), in the order of ``classes_``.

        Parameters
        ----------
        X : array-like
            (n, D) or images, as many numbers in each as `fit` saw.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        codes = self._codes(X)
        chances: NDArray[np.float64] = self.probe_.predict_proba(self._standardised(codes))
        return chances

    def _standardised(self, codes: Array) -> Array:
        standardised: Array = (codes - self._centre) / self._unit
        return standardised


def _check_labels(X: ArrayLike, y: ArrayLike) -> Array:
    """Refuse what is no label for each example, of two kinds at least."""
    labels: Array = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    check_consistent_length(X, labels)
    if len(np.unique(labels)) < 2:
        raise DataError("y holds only one class", expected="two or more")
    return labels
