"""A model against PCA, image by image, beside what SciPy and a bootstrap say."""

import math

import numpy as np
import pytest
from scipy import stats

from latentscape.evaluation.against_pca import BaselineComparison, Difference
from latentscape.evaluation.baselines import pca
from latentscape.evaluation.reconstruction import evaluate_model
from latentscape.inference.codec import reconstruct_with
from latentscape.reporting.sentences import describe_verdict


def errors(n=400, gain=0.0, seed=0):
    """Errors of two methods on the same images, hard for both or easy for both."""
    rng = np.random.default_rng(seed)
    hardness = rng.gamma(2, 0.01, n)
    return hardness + rng.normal(-gain, 0.002, n), hardness + rng.normal(0, 0.002, n)


def comparison(**facts):
    defaults = {"mse": 0.01, "pca_mse": 0.02, "mean_image_mse": 0.067, "components": 8}
    return BaselineComparison(**{**defaults, **facts})


def test_the_interval_is_that_of_a_paired_test():
    own, linear = errors(gain=0.0004)
    low, high = Difference.of(own, linear).interval
    expected = stats.ttest_rel(own, linear).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_few_images_leave_more_open():
    own, linear = errors(n=4)
    expected = stats.ttest_rel(own, linear).confidence_interval(0.95)
    interval = Difference.of(own, linear).interval
    assert interval == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_the_interval_is_that_of_a_bootstrap_over_images():
    own, linear = errors(gain=0.0004)
    draws = np.random.default_rng(1).integers(0, 400, (4000, 400))
    means = (own - linear)[draws].mean(1)
    expected = np.quantile(means, (0.025, 0.975))
    np.testing.assert_allclose(Difference.of(own, linear).interval, expected, rtol=0.15)


def test_images_are_paired():
    """Hard images are hard for both: errors one by one would leave everything open."""
    own, linear = errors(gain=0.0005)
    assert Difference.of(own, linear).outcome == "wins"
    assert stats.ttest_ind(own, linear).pvalue > 0.1


@pytest.mark.parametrize(
    ("gain", "outcome"), [(0.001, "wins"), (-0.001, "loses"), (0.00005, "undecided")]
)
def test_a_model_wins_loses_or_neither(gain, outcome):
    difference = Difference.of(*errors(gain=gain, seed=1))
    assert difference.outcome == outcome
    assert comparison(difference=difference).beats_pca is (outcome == "wins")


def test_nineteen_of_twenty_intervals_hold_the_truth():
    intervals = [Difference.of(*errors(100, 0.0005, seed)).interval for seed in range(400)]
    covered = np.mean([low < -0.0005 < high for low, high in intervals])
    assert 0.92 < covered < 0.98


def test_a_single_image_and_equal_errors_decide_nothing():
    assert Difference.of(np.array([0.1]), np.array([0.2])).interval is None
    assert Difference.of(np.array([0.1]), np.array([0.2])).outcome == "undecided"
    assert Difference.of(np.ones(5), np.ones(5)).outcome == "undecided"


def test_seeds_add_their_own_variance_and_images_do_not_average_out():
    seeds = [Difference(mean=mean, se=0.002, n=100) for mean in (-0.01, -0.012, -0.014)]
    joint = Difference.over_seeds(seeds)
    assert joint.mean == pytest.approx(-0.012)
    assert joint.se == pytest.approx(math.sqrt(0.002**2 + 0.002**2 / 3))
    assert Difference.over_seeds(seeds[:1]) == seeds[0]
    single = Difference(mean=0.1, se=None, n=1)
    assert Difference.over_seeds([single, single]).outcome == "undecided"


@pytest.mark.parametrize(("seeds", "of_images"), [(2, 0.0001), (3, 0.0001), (3, 0.001), (5, 0.001)])
def test_nineteen_of_twenty_intervals_over_seeds_hold_the_truth(seeds, of_images):
    """Few seeds tell little of their own spread: a normal interval of three holds it in 85 %."""
    rng, held = np.random.default_rng(3), []
    for _ in range(1500):
        shared = rng.normal(0, of_images)
        means = rng.normal(-0.01 + shared, 0.001, seeds)
        over = Difference.over_seeds([Difference(mean=m, se=of_images, n=1000) for m in means])
        low, high = over.interval
        held.append(low < -0.01 < high)
    assert 0.935 < np.mean(held) < 0.985


def test_an_interval_over_seeds_is_that_of_the_part_that_varies():
    """Without seeds' variance it is that of the images, without images' that of the seeds."""
    alike = [Difference(mean=0.1, se=0.01, n=8)] * 3
    assert Difference.over_seeds(alike).interval == pytest.approx(alike[0].interval)
    means = [0.1, 0.12, 0.15]
    low, high = Difference.over_seeds([Difference(mean=m, se=0.0, n=8) for m in means]).interval
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    equal = Difference.over_seeds([Difference(mean=0.0, se=0.0, n=8)] * 2)
    assert equal.outcome == "undecided"


def test_the_verdict_says_of_how_many_seeds_it_is():
    one = Difference(mean=-0.01, se=0.001, n=1000)
    assert "For this one seed, the difference from PCA" in describe_verdict(
        comparison(difference=one)
    )
    three = Difference.over_seeds([one] * 3)
    assert "Over these 3 seeds, the difference from PCA" in describe_verdict(
        comparison(difference=three)
    )


def test_a_model_is_compared_on_every_test_image(model_of, small):
    model = model_of("plain")
    evaluation = evaluate_model(model, small)
    images = small.dataset.images[small.test] / 255
    labels = small.dataset.labels[small.test]
    squares = []
    for reconstruct in (reconstruct_with(model), pca(small, 20)[0]):
        import torch

        stored = torch.from_numpy(small.dataset.images[small.test])
        means = reconstruct(stored, torch.from_numpy(labels)).numpy()
        squares.append(((images - means) ** 2).mean((1, 2, 3)))
    low, high = evaluation.difference.interval
    mean, error = (squares[0] - squares[1]).mean(), stats.sem(squares[0] - squares[1])
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 99, mean, error), rel=1e-3)
    assert evaluation.difference.n == 100
    assert evaluation.comparison.outcome == "loses"  # Untrained.


def test_findings_of_before_have_no_interval():
    assert comparison().outcome == "wins"
    assert comparison(mse=0.03).outcome == "loses"
    assert "lies between" not in describe_verdict(comparison())


def test_the_verdict_says_between_what_the_difference_lies():
    difference = Difference(mean=-0.01, se=0.001, n=1000)
    text = describe_verdict(comparison(difference=difference))
    assert text.startswith("Beats PCA with 8 components: MSE 0.01 against 0.02, 50% less.")
    assert "over 1,000 test images, lies between −0.012 and −0.0080 (95 %)." in text
    narrow = comparison(difference=Difference(mean=-0.2, se=0.0001, n=1000))
    assert "lies between −0.2002 and −0.1998" in describe_verdict(narrow)
    unsure = comparison(difference=Difference(mean=-0.001, se=0.001, n=10))
    assert describe_verdict(unsure).startswith("Cannot be told from PCA with 8 components: MSE")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"sees_labels": True}, "Not like for like: the model gets the label of each image"),
        (
            {"components": 49, "codebook_size": 128},
            "Not like for like: 49 indices of a codebook of 128 hold less than as many",
        ),
    ],
)
def test_the_verdict_says_what_is_not_like_for_like(facts, words):
    unlike = comparison(**facts)
    assert not unlike.is_like_for_like
    assert words in describe_verdict(unlike)
    assert "like for like" not in describe_verdict(comparison())
