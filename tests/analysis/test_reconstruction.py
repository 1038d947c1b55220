import math

import numpy as np
import pytest
import torch

from latentscape.config import DataConfig
from latentscape.core.records import Dataset
from latentscape.data import entropy_floor, split_dataset
from latentscape.evaluation.baselines import mean_image, pca
from latentscape.evaluation.reconstruction import evaluate_model, judge, measure
from latentscape.model import Network

METRICS = {"mse", "squared_error", "bce", "bce_excess", "nats", "psnr"}


@pytest.fixture
def model(recipe):
    torch.manual_seed(0)
    return Network(recipe.model, recipe.objective).eval()


def test_metrics_of_a_known_reconstruction(small):
    """Against formulas written out in NumPy."""
    metrics = measure(lambda images, labels: torch.full(images.shape, 0.25), small).metrics()
    x = small.dataset.images[small.test].astype(np.float64) / 255
    cross_entropy = -(x * math.log(0.25) + (1 - x) * math.log(0.75))
    assert metrics["mse"] == pytest.approx(((x - 0.25) ** 2).mean(), rel=1e-5)
    assert metrics["squared_error"] == pytest.approx(metrics["mse"] * 784)
    assert metrics["bce"] == pytest.approx(cross_entropy.mean(), rel=1e-5)
    assert metrics["nats"] == pytest.approx(metrics["bce"] * 784)
    assert metrics["psnr"] == pytest.approx(10 * math.log10(1 / metrics["mse"]))


def test_a_perfect_reconstruction_reaches_the_entropy_floor(small):
    metrics = measure(lambda images, labels: images / 255, small).metrics()
    floor = entropy_floor(small.dataset.images[small.test], (0, 255))
    assert metrics["mse"] == 0
    assert metrics["psnr"] is None
    assert metrics["bce_excess"] == pytest.approx(0, abs=1e-9)
    assert metrics["bce"] == pytest.approx(floor, rel=1e-4)


def test_mnist_cannot_go_under_its_floor(mnist):
    split = split_dataset(mnist, DataConfig())
    perfect = measure(lambda images, labels: images / 255, split).metrics()
    assert perfect["bce"] == pytest.approx(0.0581, abs=2e-4)
    # What a collapsed model scores.
    assert measure(mean_image(split), split).metrics()["squared_error"] == pytest.approx(
        52.897, abs=0.01
    )


def test_values_outside_zero_to_one_have_no_cross_entropy(vectors):
    data = Dataset("wide", vectors.dataset.images * 3 - 1, value_range=(0.0, 1.0))
    split = split_dataset(data, DataConfig())
    metrics = measure(mean_image(split), split).metrics()
    assert metrics["bce"] is metrics["bce_excess"] is metrics["nats"] is None
    assert metrics["mse"] > 0


def test_the_mean_image_is_that_of_the_training_part(small):
    mean = mean_image(small)(torch.zeros(1, 1, 28, 28), None)[0].numpy()
    assert np.allclose(mean, small.dataset.images[small.train].mean(axis=0) / 255, atol=1e-6)


def test_pca_with_all_components_is_perfect_and_with_none_too_many(vectors):
    reconstruct, components = pca(vectors, 500)
    assert components == 9
    errors = measure(reconstruct, vectors)
    assert errors.metrics()["mse"] < 1e-10


def test_pca_gets_better_with_components(small):
    errors = [measure(pca(small, dim)[0], small).metrics()["mse"] for dim in (1, 4, 32)]
    assert errors == sorted(errors, reverse=True)


def test_everything_is_in_the_findings(model, small):
    findings = evaluate_model(model, small)
    values = findings.values
    assert values["metrics"].keys() == METRICS
    assert values["per_class"].keys() == set("0123456789")
    assert sum(entry["n"] for entry in values["per_class"].values()) == values["n"] == 100
    weighted = sum(entry["n"] * entry["mse"] for entry in values["per_class"].values()) / 100
    assert values["metrics"]["mse"] == pytest.approx(weighted)
    for name in ("originals", "reconstructions", "pca_reconstructions"):
        assert findings.arrays[name].shape == (16, 1, 28, 28)
    assert findings.arrays["codes"].shape == (100, model.latent_dim)
    assert findings.arrays["example_labels"].tolist() == [*range(10), *range(6)]
    assert not values["beats_pca"]  # Untrained.


def test_best_and_worst_are_in_order_and_theirs(model, small):
    arrays = evaluate_model(model, small).arrays
    best, middle, worst = (arrays[f"{name}_mse"] for name in ("best", "median", "worst"))
    assert (np.diff(best) >= 0).all()
    assert (np.diff(worst) <= 0).all()
    assert best.max() <= middle.min() <= middle.max() <= worst.min()
    for name, mse in (("best", best), ("worst", worst)):
        difference = arrays[f"{name}_originals"] - arrays[f"{name}_reconstructions"]
        assert np.allclose((difference**2).mean(axis=(1, 2, 3)), mse, rtol=1e-4)


def test_evaluation_repeats_itself_bit_by_bit(model, small):
    first, again = evaluate_model(model, small), evaluate_model(model, small)
    assert first.values == again.values
    assert all(np.array_equal(first.arrays[name], again.arrays[name]) for name in first.arrays)


def test_unlabelled_vectors_are_evaluated_too(vectors):
    from latentscape.api.experiment import prepare
    from latentscape.config import load_recipe

    recipe = prepare(load_recipe("elaborate-4"), vectors)
    findings = evaluate_model(Network(recipe.model).eval(), vectors)
    assert findings.values["per_class"] == {}
    assert set(findings.arrays["code_labels"].tolist()) == {-1}


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
    found = judge({"mse": mse}, {"mse": 0.02}, {"mse": 0.067}, 8)
    assert found["beats_pca"] is beats
    assert words in found["verdict"]
