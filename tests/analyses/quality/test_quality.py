import numpy as np
import pytest

from analyses.released import open_released
from latentscape.analyses.codes import guess_labels
from latentscape.analyses.comparison import compare_codes
from latentscape.analyses.quality import ANALYSIS
from latentscape.analyses.quality.method import (
    frechet_distance,
    precision_recall,
    sample_quality,
)
from latentscape.analyses.quality.result import Quality, QualitySettings
from latentscape.config import DataConfig
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Dataset
from latentscape.data import split_dataset
from latentscape.evaluation.judge import trained_classifier


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

    precision, recall = precision_recall(samples, real)
    assert precision == pytest.approx(share_near(samples, real))
    assert recall == pytest.approx(share_near(real, samples))
    assert precision > recall


def test_one_point_again_and_again_covers_nothing_else(rng):
    real = rng.standard_normal((40, 3)).astype(np.float32)
    assert precision_recall(np.repeat(real[:1], 40, axis=0), real) == (1, 1 / 40)


def test_only_so_many_are_compared_and_always_the_same(rng, monkeypatch):
    monkeypatch.setattr("latentscape.analyses.quality.method.MAX_POINTS", 50)
    points = rng.standard_normal((80, 3)).astype(np.float32)
    shares = precision_recall(points, points + np.float32(0.5))
    assert shares == precision_recall(points, points + np.float32(0.5))
    assert [50 * share for share in shares] == pytest.approx([round(50 * s) for s in shares])
    assert shares[0] < 1


def test_what_a_result_holds(small, real):
    images, _ = real
    quality = sample_quality(images, None, small, "prior")
    assert Quality.model_validate_json(quality.model_dump_json()) == quality
    assert (quality.n, quality.source, quality.neighbours) == (100, "prior", 3)
    assert quality.judge_accuracy == trained_classifier(small).accuracy.item()
    assert (quality.protocol.n_fitted, quality.protocol.n_scored) == (500, 100)
    protocol = " ".join(ANALYSIS.protocol(quality))
    assert "trained on 500 labelled training images" in protocol
    assert "of 100 test images rightly" in protocol


def test_the_test_images_themselves_are_perfect(small, real):
    images, labels = real
    quality = sample_quality(images, labels, small, "prior")
    assert quality.closeness.frechet_distance == pytest.approx(0, abs=1e-6)
    assert quality.closeness.precision == quality.closeness.recall == 1
    assert quality.recognised == quality.judge_accuracy
    assert quality.label_distance < 0.1


def test_the_reference_is_what_training_images_score(small, real):
    dataset = small.dataset
    train = dataset.images[small.train].astype(np.float32) / 255
    quality = sample_quality(train, None, small, "prior")
    reference = quality.reference
    assert quality.closeness.model_dump() == pytest.approx(reference.model_dump())
    assert 0 < reference.frechet_distance
    assert reference.precision > 0.6
    assert reference.recall > 0.6
    assert quality.n_compared == 500


def test_the_reference_takes_as_many_real_images_as_samples(small, real):
    """Of more samples than there are training images, only as many of them are compared."""
    dataset = small.dataset
    train = dataset.images[small.train].astype(np.float32) / 255
    for n in (80, 500, 700):
        samples = np.resize(train[::-1], (n, *train.shape[1:]))
        quality = sample_quality(samples, None, small, "prior")
        assert (quality.n, quality.n_compared) == (n, min(n, 500))
        assert quality.protocol.n_scored == 100
    # The same count on both sides: what differs is chance, and no bias of their numbers.
    judge, index = trained_classifier(small), small.subset("train", 80)
    few = sample_quality(train[:80], None, small, "prior")
    features = judge.features(dataset.images[index].astype(np.float32) / 255)
    expected = frechet_distance(features, judge.features(real[0]))
    assert few.reference.frechet_distance == pytest.approx(expected, rel=1e-5)
    whole = sample_quality(train, None, small, "prior")
    assert few.reference.frechet_distance > whole.reference.frechet_distance


def test_noise_is_far_away(small, rng):
    noise = rng.random((100, 1, 28, 28), dtype=np.float32)
    quality = sample_quality(noise, None, small, "prior")
    assert max(quality.closeness.precision, quality.closeness.recall) <= 0.1
    assert quality.closeness.frechet_distance > 20 * quality.reference.frechet_distance


def test_the_noisier_the_farther(small, real, rng):
    images, _ = real
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    distances = [
        sample_quality(images + amount * noise, None, small, "prior").closeness.frechet_distance
        for amount in (0.05, 0.1, 0.2, 0.4)
    ]
    assert distances == sorted(distances)
    assert distances[-1] > 10 * distances[0]


def test_a_single_class_is_precise_but_recalls_little(small):
    dataset = small.dataset
    threes = small.train[dataset.labels[small.train] == 3]
    images = dataset.images[threes].astype(np.float32) / 255
    quality = sample_quality(images, None, small, "prior")
    assert quality.closeness.precision > 0.6
    assert quality.closeness.recall < 0.3
    assert quality.label_shares["3"] > 0.9
    # The test images have a tenth of each digit, so a sample of one digit alone is 0.9 away.
    assert 0.8 < quality.label_distance < 0.9 + 1e-9
    assert sum(quality.label_shares.values()) == pytest.approx(1)
    assert quality.data_shares == {str(digit): pytest.approx(0.1) for digit in range(10)}
    assert quality.closeness.frechet_distance > 10 * quality.reference.frechet_distance


def test_samples_are_recognised_if_they_show_what_was_asked_for(small, real, rng):
    images, _ = real
    labels = trained_classifier(small).predict(images)
    of_all = sample_quality(images, labels, small, "prior")
    assert of_all.recognised == 1
    assert of_all.recognition.trials == len(images)
    known, true = small.dataset.labels[small.train], small.dataset.labels[small.test]
    assert of_all.recognised_guessing == guess_labels(known, labels)
    assert of_all.guessing == guess_labels(known, true)
    assert sample_quality(images, rng.permutation(labels), small, "prior").recognised < 0.3
    unasked = sample_quality(images, None, small, "prior")
    assert unasked.recognised is unasked.recognised_guessing is None


def test_the_same_bits_again(small, rng):
    samples = rng.random((60, 1, 28, 28), dtype=np.float32)
    first, again = (sample_quality(samples, None, small, "prior") for _ in range(2))
    assert first == again


def test_labelled_vectors_have_a_quality_too(rng):
    labels = np.arange(80) % 2
    values = (rng.random((80, 6)) * (1 + labels[:, None]) / 2).astype(np.float32)
    data = Dataset("vectors", values, labels, ("small", "large"), value_range=(0.0, 1.0))
    split = split_dataset(data, DataConfig())
    quality = sample_quality(values[split.test], labels[split.test], split, "gmm")
    assert quality.closeness.precision == quality.closeness.recall == 1
    assert quality.data_shares == {"small": 0.5, "large": 0.5}


def test_without_labels_there_is_no_judge(vectors):
    samples = vectors.dataset.images[vectors.test]
    with pytest.raises(DataError, match="no labels.*--labels"):
        sample_quality(samples, None, vectors, "prior")


def test_three_samples_are_too_few(small, real):
    images, _ = real
    with pytest.raises(DataError, match="3 samples.*more than 3 of each"):
        sample_quality(images[:3], None, small, "prior")


def test_samples_of_a_run_are_judged(tmp_path):
    comparison = compare_codes(open_released(tmp_path))
    first, second = (
        ANALYSIS.measure(comparison, QualitySettings(count=60, seed=seed), ANALYSIS.inputs())
        for seed in (0, 1)
    )
    assert (first.n, first.source, first.recognised) == (60, "prior", None)
    assert (first.protocol.n_fitted, first.protocol.n_scored) == (300, 40)
    assert first.reference == second.reference
    assert first.closeness != second.closeness
    mixture = QualitySettings(count=60, source="gmm")
    assert ANALYSIS.measure(comparison, mixture, ANALYSIS.inputs()).source == "gmm"
    with pytest.raises(ConfigError, match="no VampPrior"):
        ANALYSIS.measure(comparison, QualitySettings(source="vamp"), ANALYSIS.inputs())


def test_codes_alone_have_no_samples(rng):
    comparison = compare_codes(codes={"z": rng.random((20, 2))})
    with pytest.raises(ConfigError, match="no model"):
        ANALYSIS.measure(comparison, QualitySettings(), ANALYSIS.inputs())
