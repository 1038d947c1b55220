"""Test examples that also stand in the training part, bit for bit or nearly."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentscape.core.findings import Part
from latentscape.core.records import Array, Dataset, Split
from latentscape.core.subsets import draw_subset

NEAR = 0.05
"""Two examples are nearly the same where their distance is at most this share of the median
distance of two random training examples: the root of the sum of squared differences of values."""

MIN_VALUES = 64
"""Values of an example below which different examples are near by chance."""

MAX_EXAMPLES = 100_000
"""Examples of each part among which near ones are looked for."""

_CHUNK = 1 << 20
"""Values that are worked on together, so that memory stays bounded."""

_PAIRS = 500
"""Pairs of training examples whose distances tell how much two of them differ."""

_PROJECTED, _CANDIDATES = 16, 4

_REACH = 2.0
"""A projection on 16 random directions stretches one distance in ten million by more than that."""

_Indices = NDArray[np.int64]


class Duplicates(Part):
    """How many test examples are also training examples.

    Attributes
    ----------
    test : int
        Test examples.
    exact : int
        Of these, bit for bit among the training examples.
    near : int
        Of the others that were looked at, nearly the same as a training example; see `NEAR`.
    near_of, near_among : int
        Test examples that were looked at for that, and the training examples beside them; 0 where
        examples have too few values.
    """

    part = "duplicates"

    test: int = Field(ge=0)
    exact: int = Field(ge=0)
    near: int = Field(0, ge=0)
    near_of: int = Field(0, ge=0)
    near_among: int = Field(0, ge=0)

    @property
    def any(self) -> bool:
        """Whether there is one at least."""
        return bool(self.exact or self.near)


def count_duplicates(split: Split) -> Duplicates:
    """Count the test examples that are also training examples.

    Pixels that were drawn black or white differ from copy to copy, so that the grey ones are
    looked at. The time grows with the number of examples, not with that of their pairs.

    Parameters
    ----------
    split : Split
        Its validation part is not looked at.
    """
    dataset = split.grey or split.dataset
    is_copy = _among(_hashes(dataset, split.test), _hashes(dataset, split.train))
    counts = Duplicates(test=len(split.test), exact=int(is_copy.sum()))
    others = draw_subset(split.test[~is_copy], None, MAX_EXAMPLES, split.seed)
    if math.prod(dataset.shape) < MIN_VALUES or not len(others):
        return counts
    train = draw_subset(split.train, None, MAX_EXAMPLES, split.seed)
    looked_at = {"near_of": len(others), "near_among": len(train)}
    return counts.model_copy(update={"near": _count_near(dataset, train, others), **looked_at})


def _hashes(dataset: Dataset, index: _Indices) -> NDArray[np.uint64]:
    """Return a hash (n,) of the stored bytes of each example; those of equal ones are equal.

    Two different examples have one hash with a probability of 2^-64: it is two multilinear hashes
    of 32 bits (Carter and Wegman 1979).
    """
    words = -(-dataset.images.example_bytes // 4)
    factors = np.random.default_rng(0).integers(0, 1 << 64, (words + 1, 2), np.uint64)
    hashes = [np.empty(0, np.uint64)]
    for images in _chunks(dataset, index):
        content = np.zeros((len(images), 4 * words), np.uint8)
        flat = images.reshape(len(images), -1).view(np.uint8)
        content[:, : flat.shape[1]] = flat
        sums = content.view(np.uint32).astype(np.uint64) @ factors[:-1] + factors[-1]
        hashes.append((sums[:, 0] >> np.uint64(32)) << np.uint64(32) | sums[:, 1] >> np.uint64(32))
    return np.concatenate(hashes)


def _among(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which hashes are among others; for millions, numpy.isin takes ten times as long."""
    if not len(known):
        return np.zeros(len(hashes), bool)
    known = np.sort(known)
    places = np.searchsorted(known, hashes).clip(max=len(known) - 1)
    among: NDArray[np.bool_] = known[places] == hashes
    return among


def _chunks(dataset: Dataset, index: _Indices) -> Iterator[Array]:
    """Yield stored values (B, ...) of the examples in `index`, in its order."""
    return dataset.images.chunks(max(1, _CHUNK // math.prod(dataset.shape)), index)


def _count_near(dataset: Dataset, train: _Indices, test: _Indices) -> int:
    """Count test examples that differ little from a training example.

    Projections on a few random directions keep distances, nearly (Johnson and Lindenstrauss 1984).
    Whatever is near among them is measured on all values.
    """
    from scipy.spatial import KDTree

    directions = np.random.default_rng(0).standard_normal((math.prod(dataset.shape), _PROJECTED))
    directions /= math.sqrt(_PROJECTED)
    known, queries = (_projected(dataset, index, directions) for index in (train, test))
    reach = NEAR * _typical_distance(dataset, train)
    # The margin lets equal examples through where nothing differs.
    tree, bound = KDTree(known), _REACH * reach + 1e-12
    _, places = tree.query(queries, _CANDIDATES, distance_upper_bound=bound)
    rows, columns = np.nonzero(places < len(train))
    near = np.zeros(len(test), bool)
    distances = _distances(dataset, test[rows], train[places[rows, columns]])
    near[rows[distances <= reach]] = True
    return int(near.sum())


def _projected(dataset: Dataset, index: _Indices, directions: Array) -> Array:
    flat = (images.reshape(len(images), -1) for images in _chunks(dataset, index))
    # In double precision, where no float32 overflows.
    return np.concatenate([images.astype(np.float64) @ directions for images in flat])


def _typical_distance(dataset: Dataset, train: _Indices) -> float:
    """Return the median distance of random pairs of training examples."""
    source = np.random.default_rng(0)
    ones, others = (source.permutation(train)[:_PAIRS] for _ in range(2))
    return float(np.median(_distances(dataset, ones, others)))


def _distances(dataset: Dataset, ones: _Indices, others: _Indices) -> NDArray[np.float64]:
    """Return the distance of each pair of examples."""
    pairs = zip(_chunks(dataset, ones), _chunks(dataset, others), strict=True)
    distances = [
        np.linalg.norm((one.astype(np.float64) - other).reshape(len(one), -1), axis=1)
        for one, other in pairs
    ]
    return np.concatenate([np.empty(0), *distances])
