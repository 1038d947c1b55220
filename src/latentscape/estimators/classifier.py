"""Classification of frozen codes."""

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

from latentscape.analyses.probes.classifiers import MAX_ITERATIONS
from latentscape.analyses.probes.perceptron import (
    BATCH_SIZE,
    CURVE_POINTS,
    FIXED,
    HIDDEN,
    MIN_STEPS,
)
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.records import Array
from latentscape.estimators.autoencoder import Autoencoder
from latentscape.estimators.codes import CodeEstimator
from latentscape.estimators.examples import check_examples, seed_of


def _perceptron(count: int, seed: int) -> MLPClassifier:
    """Make the perceptron of ``latentscape probe`` with scikit-learn."""
    size = min(BATCH_SIZE, count)
    epochs = max(CURVE_POINTS, MIN_STEPS * size // count)
    return MLPClassifier(
        (HIDDEN,),
        batch_size=size,
        learning_rate_init=FIXED.rate,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=seed,
    )


_PROBES: dict[str, Callable[[int, int], Any]] = {
    "logistic": lambda count, seed: LogisticRegression(max_iter=MAX_ITERATIONS),
    "knn": lambda count, seed: KNeighborsClassifier(min(5, count)),
    "mlp": _perceptron,
}
"""Each makes a classifier for a number of examples and a seed."""


class AutoencoderClassifier(ClassifierMixin, CodeEstimator):  # type: ignore[misc]
    """Train an autoencoder, freeze it, and classify its codes.

    The autoencoder learns without labels, unless its recipe needs them. A small classifier, the
    probe, learns the labels from centred codes. They are divided by one standard deviation, the
    same for all dimensions.

    Parameters
    ----------
    autoencoder : Autoencoder, optional
        Makes the codes. ``FrozenEstimator(fitted)`` uses a trained one as it is, for example one
        that was trained on more examples than have labels. By default ``Autoencoder()``.
    probe : str
        ``logistic`` regression, ``knn`` (the vote of five neighbours) or ``mlp``, a perceptron
        with one layer of 64 units.
    random_state : int, RandomState or None
        Draws the start of the probe.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    probe_ : estimator
        The fitted classifier.
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
            (n,) numbers or texts, with at least two different labels.

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
            If y is None, continuous, or not as long as X.
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
            # The number of steps is fixed, so that scores of different codes are comparable.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.probe_.fit(self._standardised(codes), labels)
        self.classes_ = self.probe_.classes_
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the most probable label of each example, (n,)."""
        places = self.predict_proba(X).argmax(1)
        labels: Array = self.classes_[places]
        return labels

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each label, (n, classes), in the order of ``classes_``.

        X, and what is raised, is as for `Autoencoder.transform`.
        """
        codes = self._codes(X)
        probabilities: NDArray[np.float64] = self.probe_.predict_proba(self._standardised(codes))
        return probabilities

    def _standardised(self, codes: Array) -> Array:
        standardised: Array = (codes - self._centre) / self._unit
        return standardised


def _check_labels(X: ArrayLike, y: ArrayLike) -> Array:
    """Refuse anything but a label for each example, with at least two different labels."""
    labels: Array = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    check_consistent_length(X, labels)
    if len(np.unique(labels)) < 2:
        raise DataError("y holds only one class", expected="two or more")
    return labels
