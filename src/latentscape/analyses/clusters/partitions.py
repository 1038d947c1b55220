"""How good a partition into clusters is: by itself, and against labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.clusters.result import Agreement
from latentscape.core.records import Array
from latentscape.core.subsets import draw_subset

Assignment = NDArray[np.int64]
"""(n,) the cluster that each point is in, counted from 0."""

RANDOM_PARTITIONS = 20
MAX_POINTS = 2000
"""Points that a silhouette is measured on, at most: it compares each of them with every other."""


def confusion(clusters: Assignment, labels: NDArray[np.int64], shape: tuple[int, int]) -> Array:
    """Count how often each cluster meets each label.

    Parameters
    ----------
    clusters, labels : ndarray of int64
        (n,) of the same points.
    shape : tuple of int
        How many clusters and how many labels there are, whether they occur or not.

    Returns
    -------
    ndarray of int64
        Counts, a row for each cluster.
    """
    return np.bincount(
        np.ravel_multi_index((clusters, labels), shape), minlength=shape[0] * shape[1]
    ).reshape(shape)


def majority_labels(table: Array) -> list[int | None]:
    """Return the commonest label of each cluster, a row of `table`; None of an empty one."""
    return [int(row.argmax()) if row.any() else None for row in table]


def majority_accuracy(table: Array, majority: Sequence[int | None]) -> float:
    """Return the share of points that have the label by which their cluster is called.

    Parameters
    ----------
    table : ndarray of int64
        The counts of `confusion` of the points to score.
    majority : sequence of int or None
        The label of each cluster, from other points as a rule. No point of a cluster without a
        label is counted as right.
    """
    hits = sum(table[cluster, label] for cluster, label in enumerate(majority) if label is not None)
    return float(hits / table.sum())


def hungarian_accuracy(table: Array) -> float:
    """Return the accuracy under the best one-to-one map of clusters to labels.

    The "unsupervised clustering accuracy" of Xie et al. (2016), equation 10. Where there are more
    clusters than labels, those left over count as wrong; so do labels without a cluster.

    Parameters
    ----------
    table : ndarray of int64
        The counts of `confusion`; its two sizes may differ.
    """
    from scipy.optimize import linear_sum_assignment

    return float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


def matched_chance(labels: NDArray[np.int64], k: int, seed: int = 0) -> float:
    """Return the one-to-one accuracy that k random clusters reach, on average.

    Because the map is chosen by the labels that it is scored with, that is more than 1 / k: the
    more so the fewer the examples are.

    Parameters
    ----------
    labels : ndarray of int64
        (n,) from 0, of the points to score.
    k : int
        How many clusters.
    seed : int
        Draws them.
    """
    rng, shape = np.random.default_rng(seed), (k, int(labels.max()) + 1)
    draws = (rng.integers(0, k, len(labels)) for _ in range(RANDOM_PARTITIONS))
    return float(np.mean([hungarian_accuracy(confusion(c, labels, shape)) for c in draws]))


def score_partition(
    clusters: Assignment,
    labels: NDArray[np.int64],
    majority: Sequence[int | None],
    label_names: Sequence[str],
) -> Agreement:
    """Compare a partition with labels.

    Parameters
    ----------
    clusters, labels : ndarray of int64
        (n,) of the points to score.
    majority : sequence of int or None
        The label by which each cluster is called; see `majority_labels`.
    label_names : sequence of str
        What the labels are called, whether they occur or not.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    table = confusion(clusters, labels, (len(majority), len(label_names)))
    return Agreement(
        majority=majority_accuracy(table, majority),
        hungarian=hungarian_accuracy(table),
        nmi=float(normalized_mutual_info_score(labels, clusters)),
        ari=float(adjusted_rand_score(labels, clusters)),
        majority_labels=tuple(None if label is None else label_names[label] for label in majority),
        confusion=tuple(map(tuple, table.tolist())),
    )


def silhouette(points: Array, clusters: Assignment) -> float | None:
    """Return how much nearer points are to their own cluster than to the next (Rousseeuw 1987).

    Parameters
    ----------
    points : ndarray
        (n, D); at most 2,000 are looked at, drawn at random.
    clusters : ndarray of int64
        (n,).

    Returns
    -------
    float or None
        The mean over the points, -1 to 1; None where they are all in one cluster, or each in one
        of its own.
    """
    from sklearn.metrics import silhouette_score

    places = draw_subset(np.arange(len(points)), None, MAX_POINTS)
    if not 1 < len(np.unique(clusters[places])) < len(places):
        return None
    return float(silhouette_score(points[places], clusters[places]))
