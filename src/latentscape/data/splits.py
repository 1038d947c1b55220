"""Splits: which examples are trained on, validated on and tested on."""

import numpy as np
from numpy.typing import NDArray

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset, Split
from latentscape.core.subsets import draw
from latentscape.data.labels import label_indices

_Indices = NDArray[np.int64]
_TEST_SHARE = 0.2
# Each draw has a generator of its own, so that one draw's size does not change another's.
_TEST_PART, _TEST, _TRAIN, _VALIDATION = range(4)


def split_dataset(dataset: Dataset, config: DataConfig) -> Split:
    """Divide examples into a training, a validation and a test part.

    The test part is the official one if there is one, otherwise a fifth of the examples, drawn at
    random. Of the other examples, only those of `config.train_labels` count if labels are named.
    `config.train` of them are trained on (by default all). The validation part is the official one
    if there is one, whole unless ``config.validation`` is 0. Otherwise it is taken from the
    examples that are left, and from the training part if those are too few. All draws are
    stratified by label if there are labels, and repeat with ``config.seed``.

    Parameters
    ----------
    dataset : Dataset
        The examples.
    config : DataConfig
        ``train``, ``test``, ``train_labels``, ``validation`` and ``seed`` count.

    Returns
    -------
    Split
        Disjoint sorted indices; only the validation part may be empty.

    Raises
    ------
    DataError
        If there are too few examples to train and to test on, or a label of `config.train_labels`
        does not exist.
    """
    strata = np.zeros(len(dataset), np.int64) if dataset.labels is None else dataset.labels
    pool, official_validation, test = _official_parts(dataset, strata, config.seed)
    if config.train_labels is not None:
        classes = label_indices(config.train_labels, dataset)
        pool = pool[np.isin(strata[pool], classes)]
        official_validation = official_validation[np.isin(strata[official_validation], classes)]
    if not len(pool) or not len(test):
        raise DataError(
            f"{dataset.name} has {len(pool)} example(s) to train on and {len(test)} to test on",
            expected="at least one of each",
        )
    test, _ = draw(test, strata, _at_most(config.test, len(test)), _generator(config.seed, _TEST))
    n_train = _at_most(config.train, len(pool))
    if len(official_validation):
        train, _ = draw(pool, strata, n_train, _generator(config.seed, _TRAIN))
        validation = official_validation if config.validation else official_validation[:0]
        return Split(dataset, train, validation, test, config.seed)
    n_validation = min(round(config.validation * n_train), len(pool) - 1)
    n_train = min(n_train, len(pool) - n_validation)
    train, rest = draw(pool, strata, n_train, _generator(config.seed, _TRAIN))
    validation, _ = draw(rest, strata, n_validation, _generator(config.seed, _VALIDATION))
    return Split(dataset, train, validation, test, config.seed)


def hold_out(dataset: Dataset, share: float, seed: int) -> Split:
    """Divide examples into a training and a validation part, with no test part.

    Parameters
    ----------
    dataset : Dataset
        The examples, without those that the result is tested on.
    share : float
        Share of the validation part. At least two examples are left to train on.
    seed : int
        Seed of the draw, which is stratified by label if there are labels.

    Returns
    -------
    Split
        Disjoint sorted indices; the test part is empty.
    """
    pool, no_test = np.arange(len(dataset), dtype=np.int64), np.empty(0, np.int64)
    strata = np.zeros(len(dataset), np.int64) if dataset.labels is None else dataset.labels
    size = max(min(round(share * len(dataset)), len(dataset) - 2), 0)
    validation, train = draw(pool, strata, size, _generator(seed, _VALIDATION))
    return Split(dataset, train, validation, no_test, seed)


def _official_parts(
    dataset: Dataset, strata: Array, seed: int
) -> tuple[_Indices, _Indices, _Indices]:
    """Return the examples to train on, the official validation part, and the test part."""
    pool = np.arange(len(dataset), dtype=np.int64)
    if dataset.n_official_train is not None:
        ends = np.cumsum([dataset.n_official_train, dataset.n_official_validation])
        train, validation, test = np.split(pool, ends)
        return train, validation, test
    n_test = max(round(_TEST_SHARE * len(dataset)), 1)
    test, others = draw(pool, strata, n_test, _generator(seed, _TEST_PART))
    return others, pool[:0], test


def _at_most(size: int | None, available: int) -> int:
    return available if size is None else min(size, available)


def _generator(seed: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, purpose])
