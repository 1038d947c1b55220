"""Shares of few examples, and what stands beside them."""

import pytest
from scipy.stats import binomtest

from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric

ACCURACY = Metric("accuracy", "Accuracy", higher_is_better=True, is_share=True)


@pytest.mark.parametrize(("hits", "n"), [(0, 2), (2, 2), (1, 2), (7, 10), (963, 1000), (0, 500)])
def test_the_interval_is_that_of_wilson(hits, n):
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    interval = Statistic(mean=hits / n, trials=n).interval
    assert interval == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_what_is_no_share_has_no_interval():
    assert Statistic(mean=0.5).interval is None
    assert Statistic(mean=12.0, trials=16).interval is None
    number = Metric("mse", "MSE")
    assert number.write_statistic(Statistic(mean=0.5, trials=10)) == "0.5000"


def test_two_images_are_never_certain():
    """Three perceptrons that name both of two images rightly agree, and know little."""
    statistic = Statistic.of([1.0, 1.0, 1.0], trials=2)
    assert ACCURACY.write_statistic(statistic) == "100.0 % (34–100)"
    assert ACCURACY.write_spread(statistic) == "34–100"
    assert "± 0.0" not in ACCURACY.write_statistic(Statistic.of([1.0, 1.0]))


def test_a_deviation_stands_before_the_interval():
    statistic = Statistic(mean=0.963, sd=0.004, n=3, trials=1000)
    assert ACCURACY.write_statistic(statistic) == "96.3 ± 0.4 % (94.9–97.3)"
    assert ACCURACY.write_spread(statistic) == "± 0.4, 94.9–97.3"


def test_a_small_deviation_is_not_written_as_none():
    statistic = Statistic(mean=0.963, sd=0.0003, n=3, trials=10_000)
    assert ACCURACY.write_spread(statistic).startswith("± 0.03, ")
