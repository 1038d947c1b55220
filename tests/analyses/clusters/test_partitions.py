"""Scores of partitions, against cases counted by hand."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from latentscape.analyses.clusters.partitions import (
    confusion,
    hungarian_accuracy,
    majority_accuracy,
    majority_labels,
    matched_chance,
    score_partition,
    silhouette,
)

CLUSTERS = np.array([0, 0, 0, 1, 1, 1, 1, 3])
LABELS = np.array([1, 1, 0, 1, 1, 1, 0, 2])
TABLE = np.array([[1, 2, 0], [1, 3, 0], [0, 0, 0], [0, 0, 1]])


def test_the_table_counts_clusters_and_labels_that_do_not_occur_too():
    assert np.array_equal(confusion(CLUSTERS, LABELS, (4, 3)), TABLE)


def test_two_clusters_may_share_a_label_by_majority_but_not_one_to_one():
    assert majority_labels(TABLE) == [1, 1, None, 2]
    assert majority_accuracy(TABLE, [1, 1, None, 2]) == 6 / 8
    # 0 -> 0 (one of them), 1 -> 1 (three), 3 -> 2 (one).
    assert hungarian_accuracy(TABLE) == 5 / 8


def test_names_that_other_points_gave():
    """A cluster that was empty where names were given counts as wrong."""
    assert majority_accuracy(TABLE, [0, 1, 2, None]) == 4 / 8


@pytest.mark.parametrize("clusters", [2, 4, 6])
def test_the_best_map_is_the_best_of_all_maps(clusters):
    """Also where there are more clusters than labels, or fewer."""
    table = np.random.default_rng(clusters).integers(0, 9, (clusters, 4))
    square = np.zeros((max(table.shape),) * 2, int)
    square[:clusters, :4] = table
    places = range(len(square))
    best = max(sum(square[places, order]) for order in permutations(places))
    assert hungarian_accuracy(table) == best / table.sum()


def test_a_perfect_partition_under_other_names():
    labels = np.array([0, 0, 1, 1, 2, 2])
    clusters = np.array([2, 2, 0, 0, 1, 1])
    agreement = score_partition(clusters, labels, [1, 2, 0], "abc")
    scores = (agreement.majority, agreement.hungarian, agreement.nmi, agreement.ari)
    assert scores == (1, 1, 1, 1)
    assert agreement.confusion == ((0, 2, 0), (0, 0, 2), (2, 0, 0))
    assert agreement.majority_labels == ("b", "c", "a")


def test_a_partition_that_says_nothing():
    labels, clusters = np.array([0, 1] * 50), np.repeat([0, 1], 50)
    agreement = score_partition(clusters, labels, [0, 1], "ab")
    assert agreement.majority == agreement.hungarian == 0.5
    assert agreement.nmi == pytest.approx(0)
    assert agreement.ari < 0


def test_silhouette_of_two_pairs():
    """1 - 1/b for each point: b is 10.5 and 9.5, in either pair."""
    points, clusters = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])
    expected = 1 - (1 / 10.5 + 1 / 9.5) / 2
    assert silhouette(points, clusters) == pytest.approx(expected)


@pytest.mark.parametrize("clusters", [[0, 0, 0], [0, 1, 2]])
def test_no_silhouette_without_neighbours_or_without_others(clusters):
    assert silhouette(np.eye(3), np.array(clusters)) is None


def test_a_silhouette_never_takes_more_than_2000_points(monkeypatch):
    import sklearn.metrics

    sizes = []
    monkeypatch.setattr(sklearn.metrics, "silhouette_score", lambda x, y: sizes.append(len(x)) or 0)
    silhouette(np.arange(5000.0)[:, None], np.arange(5000) % 3)
    assert sizes == [2000]


@pytest.mark.parametrize(("n", "expected"), [(360, 0.173), (1000, 0.144), (10_000, 0.113)])
def test_random_clusters_under_their_own_best_map_beat_a_random_label(n, expected):
    """Against brute force: labels drawn at random, and the best map by SciPy."""
    rng, labels, shares = np.random.default_rng(1), np.arange(n) % 10, []
    for _ in range(200):
        counts = np.zeros((10, 10))
        np.add.at(counts, (rng.integers(0, 10, n), labels), 1)
        shares.append(counts[linear_sum_assignment(-counts)].sum() / n)
    assert np.mean(shares) == pytest.approx(expected, abs=0.003)
    assert matched_chance(labels, 10) == pytest.approx(np.mean(shares), abs=0.005)
