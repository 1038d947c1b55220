"""Structural similarity, against the formula written out place by place in NumPy."""

import math

import numpy as np
import pytest
import torch

from latentscape.config import DataConfig
from latentscape.core.records import Dataset
from latentscape.data import split_dataset
from latentscape.evaluation.baselines import mean_image, pca
from latentscape.evaluation.quantities import QUANTITIES
from latentscape.evaluation.quantities.ssim import SSIM, structural_similarity
from latentscape.evaluation.reconstruction import measure_errors

SIDE, SD, K1, K2 = 11, 1.5, 0.01, 0.03
"""Of Wang et al. 2004, section III B; the range of values is 1."""


def window():
    offsets = np.arange(SIDE) - SIDE // 2
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * SD**2))
    return weights / weights.sum()


def similarity_of(x, y):
    """Average the similarity of two images (H, W) over all places of the whole window."""
    weights, similarities = window(), []
    for top in range(x.shape[0] - SIDE + 1):
        for left in range(x.shape[1] - SIDE + 1):
            a = x[top : top + SIDE, left : left + SIDE].astype(np.float64)
            b = y[top : top + SIDE, left : left + SIDE].astype(np.float64)
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            variance_a = (weights * (a - mean_a) ** 2).sum()
            variance_b = (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            luminance = (2 * mean_a * mean_b + K1**2) / (mean_a**2 + mean_b**2 + K1**2)
            structure = (2 * covariance + K2**2) / (variance_a + variance_b + K2**2)
            similarities.append(luminance * structure)
    return np.mean(similarities)


def expected_of(images, means):
    """Average over channels too, of images (n, C, H, W)."""
    return [
        np.mean([similarity_of(a, b) for a, b in zip(x, y, strict=True)])
        for x, y in zip(images, means, strict=True)
    ]


def measured(images, means):
    return structural_similarity(torch.from_numpy(images), torch.from_numpy(means)).numpy()


@pytest.fixture
def images(small):
    return small.dataset.images[small.test[:6]].astype(np.float32) / 255


def test_it_is_the_formula_on_real_digits_and_their_reconstructions(small, images):
    stored = torch.from_numpy(small.dataset.images[small.test[:6]])
    for reconstruct in (pca(small, 8)[0], mean_image(small)):
        means = reconstruct(stored, None).numpy().astype(np.float32)
        assert measured(images, means) == pytest.approx(expected_of(images, means), abs=1e-6)


def test_it_is_the_formula_of_noisy_and_of_inverted_digits(images):
    noise = np.random.default_rng(0).normal(0, 0.2, images.shape)
    noisy = np.clip(images + noise, 0, 1).astype(np.float32)
    for means in (noisy, 1 - images):
        assert measured(images, means) == pytest.approx(expected_of(images, means), abs=1e-6)
    assert (measured(images, 1 - images) < 0).all()


def test_channels_are_compared_one_by_one_and_averaged():
    images, means = np.random.default_rng(1).random((2, 2, 3, 13, 12))
    assert measured(images, means) == pytest.approx(expected_of(images, means), abs=1e-12)


def test_equal_images_have_a_similarity_of_one(images):
    assert measured(images, images) == pytest.approx(1, abs=1e-12)


def test_the_evaluation_averages_it_over_all_test_images(small):
    (measure,) = SSIM.measures
    reconstruct = pca(small, 8)[0]
    found = measure_errors(reconstruct, small, (measure,))
    stored = small.dataset.images[small.test]
    means = reconstruct(torch.from_numpy(stored), None).numpy()
    expected = measured((stored / 255).astype(np.float32), means.astype(np.float32)).mean()
    assert SSIM in QUANTITIES
    assert found.mean(measure) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "scale"), [((9,), 1), ((1, 10, 28), 1), ((1, 28, 10), 1), ((1, 28, 28), 2)]
)
def test_it_means_nothing_of_vectors_of_small_images_and_of_values_beyond_one(shape, scale):
    images = scale * np.random.default_rng(0).random((40, *shape), dtype=np.float32)
    assert np.isnan(measured(images, images)).all()
    split = split_dataset(Dataset("odd", images, value_range=(0.0, 1.0)), DataConfig())
    (measure,) = SSIM.measures
    assert measure_errors(mean_image(split), split, (measure,)).mean(measure) is None


def test_an_image_as_small_as_the_window_has_a_single_place():
    images, means = np.random.default_rng(2).random((2, 1, 1, SIDE, SIDE))
    (value,) = measured(images, means)
    assert value == pytest.approx(similarity_of(images[0, 0], means[0, 0]), abs=1e-12)
    assert math.isfinite(value)


def test_pieces_of_a_batch_are_compared_as_the_whole(monkeypatch):
    images, means = torch.rand(2, 7, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    whole = structural_similarity(images, means)
    monkeypatch.setattr("latentscape.evaluation.quantities.ssim.MAX_VALUES", 2 * 3 * 16 * 20)
    assert torch.equal(structural_similarity(images, means), whole)
