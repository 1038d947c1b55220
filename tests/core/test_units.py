"""Numbers as people read them."""

import math

import pytest

from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.core.units import duration, memory_size, number, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456, "0.01235"),
        (65.3, "65.30"),
        (0.99999, "1.000"),
        (1234567.0, "1,234,567"),
        (-2.5, "−2.500"),
        (0, "0"),
        (3e-9, "3.000e−09"),
        (None, "–"),
        (math.inf, "–"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1234, "0.123 s"), (34.14, "34.1 s"), (200, "3 min 20 s"), (7300, "2 h 1 min"), (None, "–")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_percent():
    assert (percent(-0.4512), percent(0.0123, "+")) == ("−45 %", "+1.2 %")


def test_standard_deviations():
    metric = Metric("m", "M")
    assert metric.write_spread(Statistic(mean=1.0, sd=0.01234, n=2)) == "± 0.012"
    assert metric.write_spread(Statistic(mean=1.0)) == metric.write_spread(None) == ""


def test_statistics():
    metric, share = Metric("m", "M"), Metric("s", "S", is_share=True)
    assert metric.write_statistic(Statistic(mean=1.0, sd=0.01234, n=2)) == "1.000 ± 0.012"
    assert metric.write_statistic(Statistic(mean=1.0)) == "1.000"
    assert metric.write_statistic(None) == "–"
    assert share.write_statistic(Statistic(mean=0.546, sd=0.012, n=2)) == "54.6 ± 1.2 %"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_999, "1 MB"),
        (106e12, "106 TB"),
        (12.9e12, "12.9 TB"),
        (5e21, "5,000 EB"),
        (float("inf"), "any number of bytes"),
    ],
)
def test_sizes_of_memory(size, text):
    assert memory_size(size) == text
