"""Subsets: every part of the examples that is looked at in place of all of them is drawn here.

Examples often come sorted, by label as a rule. So the first few of them, or every tenth, say little
of all. A subset is drawn at random, and repeats with its seed.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Indices = NDArray[np.int64]
_SUBSET = 17
"""Keeps the generator of subsets apart from those of splits, which have the same seeds."""

MAX_EXAMPLES = 100_000
"""Examples of a part that analyses of codes look at, at most."""

MAX_VALUES = 1 << 28
"""Values of all these examples, at most, since pixels are codes too: 1 GiB of float32, or 87,381
images of 32 x 32 in colour."""


def max_examples(shape: Sequence[int]) -> int:
    """Return how many examples of a part analyses of codes look at, where they have this shape."""
    return max(1, min(MAX_EXAMPLES, MAX_VALUES // math.prod(shape)))


def draw_subset(
    index: _Indices, labels: NDArray[Any] | None, max_count: int, seed: int = 0
) -> _Indices:
    """Draw at most so many of some examples, stratified by label where there are labels.

    Parameters
    ----------
    index : ndarray of int64
        (n,) examples to draw from.
    labels : ndarray of int or None
        (N,) label of each example that `index` may name. None where there are none, and where a
        method must not know of any: then all subsets are equally likely.
    max_count : int
        How many to draw; where there are no more than that, `index` is returned as it is.
    seed : int
        Seed of the draw.

    Returns
    -------
    ndarray of int64
        The drawn ones, in the order of `index`.
    """
    if len(index) <= max_count:
        return index
    places = np.arange(len(index))
    strata = np.zeros(len(index), np.int64) if labels is None else labels[index]
    return index[draw(places, strata, max_count, np.random.default_rng([seed, _SUBSET]))[0]]


def take_turns(index: _Indices, labels: NDArray[Any]) -> _Indices:
    """Order examples such that their labels take turns, each label's own in the order of `index`.

    Parameters
    ----------
    index : ndarray of int64
        (n,) examples.
    labels : ndarray of int
        (N,) label of each example that `index` may name.
    """
    own = labels[index]
    # Rank of each example within its label: all first ones, then all second ones, ...
    by_label = np.argsort(own, kind="stable")
    starts = np.searchsorted(own[by_label], own[by_label])
    turn = np.empty(len(own), dtype=np.int64)
    turn[by_label] = np.arange(len(own)) - starts
    return index[np.lexsort((own, turn))]


def shuffle(index: _Indices, generator: np.random.Generator) -> _Indices:
    """Put examples into random order."""
    # Sorting by random keys repeats across machines and NumPy versions better than shuffling.
    return index[np.argsort(generator.random(len(index)), kind="stable")]


def draw(
    pool: _Indices, strata: NDArray[Any], size: int, generator: np.random.Generator
) -> tuple[_Indices, _Indices]:
    """Draw examples at random, stratified by class.

    Parameters
    ----------
    pool : ndarray of int64
        Indices to draw from.
    strata : ndarray of int
        Class of every example, whether in the pool or not.
    size : int
        How many to draw, at most as many as there are.
    generator : Generator
        Source of randomness.

    Returns
    -------
    selected, others : ndarray of int64
        Both sorted. A class's share is rounded by largest remainders, ties broken at random.
    """
    shuffled = shuffle(pool, generator)
    by_class = shuffled[np.argsort(strata[shuffled], kind="stable")]
    counts = np.unique(strata[pool], return_counts=True)[1]
    quotas = _apportion(counts, size, generator)
    rank = np.arange(len(pool)) - np.repeat(np.cumsum(counts) - counts, counts)
    selected = rank < np.repeat(quotas, counts)
    return np.sort(by_class[selected]), np.sort(by_class[~selected])


def _apportion(counts: _Indices, size: int, generator: np.random.Generator) -> _Indices:
    """Divide `size` among classes in proportion to their counts, by largest remainders."""
    quotas, remainders = np.divmod(counts * size, max(int(counts.sum()), 1))
    first = np.lexsort((generator.random(len(counts)), -remainders))
    quotas[first[: size - quotas.sum()]] += 1
    return quotas
