"""From X, as scikit-learn takes it, to the examples that a network takes."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from latentscape.config import DataConfig, Recipe
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Array, Dataset
from latentscape.data import as_dataset
from latentscape.data.conversion import compact_dtype
from latentscape.data.labels import encode_labels
from latentscape.data.regions import region_of
from latentscape.estimators.layout import Layout


def check_examples(estimator: BaseEstimator, X: ArrayLike, *, reset: bool) -> Array:
    """Check X as scikit-learn does, for images as well as vectors, and return it as an array.

    A ValueError if X has no examples, values that are not finite real numbers, or other features
    than ``n_features_in_`` and ``feature_names_in_`` say, which `reset` sets.
    """
    min_samples = 2 if reset else 1
    images = None
    if len(getattr(X, "shape", None) or np.asarray(X).shape) > 2:
        images = check_array(X, allow_nd=True, ensure_min_samples=min_samples, input_name="X")
        X = images.reshape(len(images), -1)
    flat: Array = validate_data(estimator, X, reset=reset, ensure_min_samples=min_samples)
    return flat if images is None else images


def range_of(values: Array, value_range: Sequence[float] | None) -> tuple[float, float]:
    """Return the values that stand for 0 and for 1.

    A `value_range` decides. Without one, the range is (0, 255) for unsigned 8-bit integers, (0, 1)
    for other numbers that lie between, and otherwise the smallest and the largest number.
    """
    if value_range is not None:
        return _checked_range(value_range)
    if values.dtype == np.uint8:
        return 0.0, 255.0
    # Rounded like the values will be, so that none of them lies outside.
    low, high = float(np.float32(values.min())), float(np.float32(values.max()))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1.0


def unit_of(values: Array, value_range: Sequence[float] | None) -> float:
    """Return what counts as 1 in a score, in the units of X.

    That is the width of a range that is set or agreed upon. One that was learnt from the values is
    no unit: folds of the same data have different ones.
    """
    if value_range is None and values.dtype != np.uint8:
        return 1.0
    low, high = range_of(values, value_range)
    return high - low


def range_in(recipe: Recipe) -> tuple[float, float]:
    """Return the values that stand for 0 and for 1 in a resolved recipe."""
    assert recipe.model.input is not None
    return recipe.model.input.range


def check_range(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse values outside the range, if the likelihood of the recipe has none for them."""
    low, high = dataset.value_range
    smallest, largest = dataset.images.extent.low, dataset.images.extent.high
    outside = smallest < low or largest > high
    if outside and recipe.model.likelihood.needs_unit_range:
        raise DataError(
            f"X has values from {smallest:g} to {largest:g}, and value_range is "
            f"({low:g}, {high:g})",
            expected="no values outside that range",
            fix="Set another value_range, or a likelihood for any values: "
            'changes={"model.likelihood": "gaussian"}.',
        )


def dataset_of(
    layout: Layout, values: Array, value_range: tuple[float, float], recipe: Recipe
) -> Dataset:
    """Make a dataset of checked examples (n, ...), as the network takes them.

    What somebody has mapped of a file stays there if it is large, or the recipe says so.
    """
    values = layout.as_images(values)
    if region_of(values) is None:
        images = compact_dtype(layout.to_network(values), "X")
        return Dataset("X", images, value_range=value_range)
    config = DataConfig(shape=layout.network_shape, range=value_range, store=recipe.data.store)
    return replace(as_dataset(values, config, least=1), name="X")


def labelled(dataset: Dataset, y: ArrayLike | None) -> Dataset:
    """Return a dataset with labels (n,), or without any; refuse another number of them."""
    if y is None:
        return replace(dataset, labels=None, label_names=())
    labels, names = encode_labels(column_or_1d(y), "y")
    if len(labels) != len(dataset):
        raise DataError(
            f"X holds {len(dataset)} examples and y {len(labels)} labels",
            expected="a label for each example",
        )
    return replace(dataset, labels=labels, label_names=names)


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """Turn scikit-learn's `random_state` into a seed; None makes a new one at each call."""
    if isinstance(random_state, Integral):
        if random_state < 0:
            raise ConfigError(f"random_state is {random_state}", expected="0 or more")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _checked_range(value_range: Sequence[float]) -> tuple[float, float]:
    ends = [float(end) for end in value_range]
    if len(ends) != 2 or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise DataError(f"value_range is {value_range}", expected="two numbers, the smaller first")
    return ends[0], ends[1]
