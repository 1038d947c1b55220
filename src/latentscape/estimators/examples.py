"""From X, as scikit-learn takes it, to the examples that a network takes."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Array, Dataset
from latentscape.data.conversion import compact_dtype
from latentscape.data.labels import encode_labels
from latentscape.model.likelihoods import build_likelihood


def check_examples(estimator: BaseEstimator, X: ArrayLike, *, reset: bool) -> Array:
    """Check X as scikit-learn does, images as well as vectors.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets, or is asked for, ``n_features_in_`` and ``feature_names_in_``: the numbers in an
        example, and what they are called.
    X : array-like
        (n, D), or images of three or four axes.
    reset : bool
        Whether X is what is fitted to.

    Returns
    -------
    ndarray
        X in its own shape and type.

    Raises
    ------
    ValueError
        If X has no examples, values that are not finite real numbers, or other features.
    """
    least = 2 if reset else 1
    images = None
    if len(getattr(X, "shape", None) or np.asarray(X).shape) > 2:
        images = check_array(X, allow_nd=True, ensure_min_samples=least, input_name="X")
        X = images.reshape(len(images), -1)
    flat: Array = validate_data(estimator, X, reset=reset, ensure_min_samples=least)
    return flat if images is None else images


def range_of(values: Array, given: Sequence[float] | None) -> tuple[float, float]:
    """Return the values that stand for 0 and for 1.

    Those that are given; else those of the type for unsigned 8-bit integers, 0 and 1 for numbers
    that lie between, or the least and the greatest.

    Raises
    ------
    DataError
        If those given are no range.
    """
    if given is not None:
        pair = [float(end) for end in given]
        if len(pair) != 2 or not np.isfinite(pair).all() or not pair[0] < pair[1]:
            raise DataError(f"value_range is {given}", expected="two numbers, the smaller first")
        return pair[0], pair[1]
    if values.dtype == np.uint8:
        return 0.0, 255.0
    # Rounded as the values themselves will be, so that none lies beyond.
    low, high = float(np.float32(values.min())), float(np.float32(values.max()))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1.0


def check_range(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse values beyond the range, where the likelihood of a recipe is of none.

    Raises
    ------
    DataError
        With the values found.
    """
    low, high = dataset.value_range
    least, greatest = float(dataset.images.min()), float(dataset.images.max())
    if build_likelihood(recipe.model.likelihood).needs_unit_range and (
        least < low or greatest > high
    ):
        raise DataError(
            f"X has values from {least:g} to {greatest:g}, and value_range is ({low:g}, {high:g})",
            expected="no values beyond it",
            fix="Give another value_range, or take a likelihood for any values: "
            'changes={"model.likelihood": "gaussian"}.',
        )


def dataset_of(
    values: Array, value_range: tuple[float, float], y: ArrayLike | None = None
) -> Dataset:
    """Make a dataset of examples (n, *shape) that were checked.

    Raises
    ------
    DataError
        If there are labels, and not as many.
    """
    labels: Any = None
    names: tuple[str, ...] = ()
    if y is not None:
        labels, names = encode_labels(column_or_1d(y), "y")
        if len(labels) != len(values):
            raise DataError(
                f"X holds {len(values)} examples and y {len(labels)} labels",
                expected="a label for each example",
            )
    return Dataset("X", compact_dtype(values, "X"), labels, names, value_range)


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """Turn what scikit-learn takes for randomness into a seed; None makes another each time.

    Raises
    ------
    ConfigError
        If it is negative.
    """
    if isinstance(random_state, Integral):
        if random_state < 0:
            raise ConfigError(f"random_state is {random_state}", expected="0 or more")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
