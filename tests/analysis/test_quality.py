import json

import numpy as np
import pytest

from latentscape.analysis.classifier import trained_classifier
from latentscape.analysis.quality import (
    frechet_distance,
    precision_recall,
    sample_quality,
)
from latentscape.config import DataConfig
from latentscape.data import split_dataset
from latentscape.errors import DataError
from latentscape.records import Dataset


@pytest.fixture(scope="module")
def real(small):
    """The test images (100, 1, 28, 28) on the scale 0 to 1, and their labels."""
    dataset = small.dataset
    return dataset.images[small.test].astype(np.float32) / 255, dataset.labels[small.test]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def exactly_normal(rng, mean, covariance, count=300):
    """Points whose mean and covariance are just those."""
    points = rng.standard_normal((count, len(mean)))
    points -= points.mean(0)
    white = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_a_set_is_at_no_distance_from_itself(rng):
    points = rng.standard_normal((50, 8))
    assert frechet_distance(points, points[::-1]) == pytest.approx(0, abs=1e-9)
    # Nor where it has no extent in some direction.
    flat = points * np.array([1] * 4 + [0] * 4)
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-9)


def test_the_distance_has_the_closed_form_for_equal_axes(rng):
    """The sum of squared differences of means and of standard deviations."""
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    first = exactly_normal(rng, np.zeros(3), axes @ np.diag([1.0, 4.0, 9.0]) @ axes.T)
    other = exactly_normal(rng, np.array([1.0, 2.0, 0.0]), axes @ np.diag([4.0, 4.0, 1.0]) @ axes.T)
    assert frechet_distance(first, other) == pytest.approx(5 + 1 + 0 + 4)


def test_the_distance_agrees_with_the_root_of_a_product_of_matrices(rng):
    from scipy.linalg import sqrtm

    first, other = (rng.standard_normal((99, 6)) @ rng.standard_normal((6, 6)) for _ in range(2))
    one, two = np.cov(first, rowvar=False), np.cov(other, rowvar=False)
    expected = np.trace(one + two - 2 * sqrtm(one @ two).real)
    expected += ((first.mean(0) - other.mean(0)) ** 2).sum()
    assert frechet_distance(first, other) == pytest.approx(expected)
    assert frechet_distance(other, first) == pytest.approx(expected)


def test_data_cover_themselves(rng):
    points = rng.standard_normal((600, 4)).astype(np.float32)
    assert precision_recall(points, points[::-1].copy()) == (1, 1)


def test_precision_and_recall_against_a_count_by_hand(rng):
    samples = rng.standard_normal((60, 3)).astype(np.float32)
    real = 1.5 * rng.standard_normal((60, 3)).astype(np.float32)

    def share_near(points, centres):
        within = np.linalg.norm(centres[:, None] - centres, axis=2)
        reach = np.sort(within, axis=1)[:, 3]
        return (np.linalg.norm(points[:, None] - centres, axis=2) <= reach).any(1).mean()

    found = precision_recall(samples, real)
    assert found == pytest.approx((share_near(samples, real), share_near(real, samples)))
    assert found[0] > found[1]


def test_one_point_again_and_again_covers_nothing_else(rng):
    real = rng.standard_normal((40, 3)).astype(np.float32)
    assert precision_recall(np.repeat(real[:1], 40, axis=0), real) == (1, 1 / 40)


def test_no_more_than_five_thousand_are_compared(rng, monkeypatch):
    monkeypatch.setattr("latentscape.analysis.quality.MAX_POINTS", 50)
    points = rng.standard_normal((80, 3)).astype(np.float32)
    first, again = (precision_recall(points, points + 0.5) for _ in range(2))
    assert first == again
    assert (np.array(first) * 50 % 1 == pytest.approx(0, abs=1e-9)) or first == (1, 1)
