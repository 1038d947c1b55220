import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from latentscape.config import DataConfig
from latentscape.core.findings import take_arrays
from latentscape.core.records import Dataset
from latentscape.core.stores import ResidentStore
from latentscape.data import entropy_floor, split_dataset
from latentscape.evaluation.against_pca import BaselineComparison
from latentscape.evaluation.baselines import mean_image, pca
from latentscape.evaluation.pictures import make_pictures
from latentscape.evaluation.quantities import QUANTITIES
from latentscape.evaluation.reconstruction import evaluate_model, measure_errors
from latentscape.model import Network
from latentscape.reporting.sentences import describe_verdict

METRICS = {"mse", "squared_error", "bce", "bce_excess", "nats", "psnr", "ssim"}


def measure_all(reconstruct, split):
    measures = dict.fromkeys(m for quantity in QUANTITIES for m in quantity.measures)
    return measure_errors(reconstruct, split, tuple(measures))


@pytest.fixture(scope="module")
def evaluated(prepared, small):
    """Return a function from a recipe's name to its untrained model, and what is measured of it."""

    @cache
    def evaluated(name):
        recipe = prepared(name)
        torch.manual_seed(0)
        model = Network(recipe.model, recipe.objective).eval()
        return model, evaluate_model(model, small)

    return evaluated


@pytest.fixture
def model(recipe, evaluated):
    return evaluated(recipe.name)[0]


@pytest.fixture
def evaluation(recipe, evaluated):
    return evaluated(recipe.name)[1]


def test_metrics_of_a_known_reconstruction(small):
    """Against formulas written out in NumPy."""
    metrics = measure_all(lambda images, labels: torch.full(images.shape, 0.25), small).metrics()
    x = small.dataset.images[small.test].astype(np.float64) / 255
    cross_entropy = -(x * math.log(0.25) + (1 - x) * math.log(0.75))
    assert metrics["mse"] == pytest.approx(((x - 0.25) ** 2).mean(), rel=1e-5)
    assert metrics["squared_error"] == pytest.approx(metrics["mse"] * 784)
    assert metrics["bce"] == pytest.approx(cross_entropy.mean(), rel=1e-5)
    assert metrics["nats"] == pytest.approx(metrics["bce"] * 784)
    assert metrics["psnr"] == pytest.approx(10 * math.log10(1 / metrics["mse"]))


def test_a_perfect_reconstruction_reaches_the_entropy_floor(small):
    metrics = measure_all(lambda images, labels: images / 255, small).metrics()
    floor = entropy_floor(ResidentStore(small.dataset.images.take(small.test)), (0, 255))
    assert metrics["mse"] == 0
    assert metrics["psnr"] is None
    assert metrics["bce_excess"] == pytest.approx(0, abs=1e-9)
    assert metrics["bce"] == pytest.approx(floor, rel=1e-4)


def test_mnist_cannot_go_under_its_floor(mnist):
    split = split_dataset(mnist, DataConfig())
    perfect = measure_all(lambda images, labels: images / 255, split).metrics()
    assert perfect["bce"] == pytest.approx(0.0581, abs=2e-4)
    # What a collapsed model scores.
    assert measure_all(mean_image(split), split).metrics()["squared_error"] == pytest.approx(
        52.897, abs=0.01
    )


def test_values_outside_zero_to_one_have_no_cross_entropy(vectors):
    data = Dataset("wide", vectors.dataset.images[:] * 3 - 1, value_range=(0.0, 1.0))
    split = split_dataset(data, DataConfig())
    metrics = measure_all(mean_image(split), split).metrics()
    assert metrics["bce"] is metrics["bce_excess"] is metrics["nats"] is None
    assert (
        metrics["psnr"] is None
    )  # There is no largest value that an error could be compared with.
    assert metrics["mse"] > 0


def test_the_peak_of_the_ratio_is_the_width_of_the_range(vectors):
    """Whatever the stored values are, PSNR is that of values from 0 to 1."""
    narrow = measure_all(mean_image(vectors), vectors).metrics()["psnr"]
    data = Dataset("wide", vectors.dataset.images[:] * 300 - 100, value_range=(-100.0, 200.0))
    split = split_dataset(data, DataConfig())
    assert measure_all(mean_image(split), split).metrics()["psnr"] == pytest.approx(narrow)


def test_the_mean_image_is_that_of_the_training_part(small):
    mean = mean_image(small)(torch.zeros(1, 1, 28, 28), None)[0].numpy()
    assert np.allclose(mean, small.dataset.images[small.train].mean(axis=0) / 255, atol=1e-6)


def test_pca_with_all_components_is_perfect_and_with_none_too_many(vectors):
    reconstruct, components = pca(vectors, 500)
    assert components == 9
    errors = measure_all(reconstruct, vectors)
    assert errors.metrics()["mse"] < 1e-10


def test_pca_that_was_just_fitted_to_a_split_is_not_fitted_again(vectors):
    assert pca(vectors, 3)[0] is pca(vectors, 3)[0]
    assert pca(vectors, 3)[0] is not pca(vectors, 2)[0]
    assert pca(vectors, 3)[0] is not pca(replace(vectors), 3)[0]


def test_pca_gets_better_with_components(small):
    errors = [measure_all(pca(small, dim)[0], small).metrics()["mse"] for dim in (1, 4, 32)]
    assert errors == sorted(errors, reverse=True)


def test_everything_is_in_the_evaluation(model, evaluation):
    assert evaluation.metrics.keys() == METRICS
    assert evaluation.per_class.keys() == set("0123456789")
    classes = evaluation.per_class.values()
    assert sum(entry.n for entry in classes) == evaluation.n == 100
    weighted = sum(entry.n * entry.metrics["mse"] for entry in classes) / 100
    assert evaluation.metrics["mse"] == pytest.approx(weighted)
    examples = evaluation.examples
    for images in (examples.originals, examples.reconstructions, examples.pca_reconstructions):
        assert images.shape == (16, 1, 28, 28)
    assert evaluation.test_codes.codes.shape == (100, model.latent_dim)
    assert examples.labels.tolist() == [*range(10), *range(6)]
    assert not evaluation.comparison.beats_pca  # Untrained.


def test_best_and_worst_are_in_order_and_theirs(evaluation):
    best, middle, worst = (
        pairs.mse for pairs in (evaluation.best, evaluation.median, evaluation.worst)
    )
    assert (np.diff(best) >= 0).all()
    assert (np.diff(worst) <= 0).all()
    assert best.max() <= middle.min() <= middle.max() <= worst.min()
    for pairs in (evaluation.best, evaluation.worst, evaluation.random):
        difference = pairs.originals - pairs.reconstructions
        assert np.allclose((difference**2).mean(axis=(1, 2, 3)), pairs.mse, rtol=1e-4)


def test_evaluation_repeats_itself_bit_by_bit(model, evaluation, small):
    first, arrays = take_arrays(evaluation)
    again, same = take_arrays(evaluate_model(model, small))
    assert first == again
    assert arrays.keys() == same.keys()
    assert all(np.array_equal(arrays[name], same[name]) for name in arrays)


def test_unlabelled_vectors_are_evaluated_too(vectors):
    from latentscape.api.preparing import prepare
    from latentscape.config import load_recipe

    recipe = prepare(load_recipe("elaborate-4"), vectors)
    evaluation = evaluate_model(Network(recipe.model).eval(), vectors)
    assert evaluation.per_class == {}
    assert set(evaluation.test_codes.labels.tolist()) == {-1}
    assert evaluation.metrics["ssim"] is None
    assert not evaluation.takes_images


@pytest.mark.parametrize(
    ("mse", "beats", "words"),
    [
        (0.01, True, "Beats PCA with 8 components: MSE 0.01 against 0.02, 50% less."),
        (0.03, False, "Does not beat PCA with 8 components"),
        (0.0668, False, "Hardly better than the mean image alone"),
        (0.07, False, "Does no better than the mean image alone"),
    ],
)
def test_the_verdict_is_plain(mse, beats, words):
    comparison = BaselineComparison(mse=mse, pca_mse=0.02, mean_image_mse=0.067, components=8)
    assert comparison.beats_pca is beats
    assert words in describe_verdict(comparison)


def test_training_images_are_kept_beside_test_images(model_of, small):
    evaluation = evaluate_model(model_of("plain"), small)
    pairs = evaluation.training
    index = small.examples(part="train")
    assert np.isin(index, small.train).all()
    np.testing.assert_array_equal(pairs.originals, small.dataset.images[index] / np.float32(255))
    errors = np.square(pairs.originals - pairs.reconstructions).mean((1, 2, 3))
    np.testing.assert_allclose(pairs.mse, errors, rtol=1e-4)


def test_numbers_and_labels_are_those_of_the_images(model_of, small):
    evaluation = evaluate_model(model_of("plain"), small)
    groups = [(evaluation.examples, small.test), (evaluation.training, small.train)]
    groups += [(getattr(evaluation, name), small.test) for name in ("random", "best", "worst")]
    for group, part in groups:
        index = part[group.numbers]
        assert np.array_equal(group.originals, small.dataset.images[index] / np.float32(255))
        assert np.array_equal(group.labels, small.dataset.labels[index])
    lines = make_pictures(model_of("plain"), small, 0).interpolation
    index = small.test[np.array(lines.numbers)]
    assert index.shape == (4, 2)
    assert np.array_equal(np.array(lines.labels), small.dataset.labels[index])
