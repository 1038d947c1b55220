"""Scales, and names beside curves."""

import math

import pytest

from latentscape.reporting.svg import Scale, apart, fit


@pytest.mark.parametrize(
    "scale",
    [
        Scale(0, 1, 0, 100),
        Scale(1e-4, 0.9, 0, 100, log=True),
        Scale(-3, 8e5, 5, 9),
        Scale(2, 3, 9, 0),
    ],
)
def test_ticks_lie_on_the_scale_and_are_few(scale):
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 8
    ends = sorted((scale.start, scale.end))
    assert all(ends[0] - 1e-6 <= scale(tick) <= ends[1] + 1e-6 for tick in ticks)


def test_scales_of_odd_values():
    assert fit([], 0, 1).low < fit([], 0, 1).high
    assert fit([5.0, 5.0], 0, 10)(5.0) == pytest.approx(5)
    assert fit([math.nan, 1.0, math.inf, 100.0], 0, 1, log_from=5).log
    assert not fit([-1.0, 100.0], 0, 1, log_from=5).log
    assert fit([1, 2], 0, 1, finest=1).ticks() == [1, 2]


@pytest.mark.parametrize("values", [[1e308, -1e308], [1.0, -1e308], [1e-320, 1.0, 1e99, 1e308]])
def test_what_lies_outside_of_a_scale_stands_at_its_end(values):
    scale = fit(values, 0, 10, log_from=5)
    assert all(0 <= scale(value) <= 10 for value in values)
    assert scale.ticks()


def test_names_are_moved_apart():
    places = apart([50, 51, 10, 99], 16, 0, 100)
    order = sorted(places)
    assert all(b - a >= 16 - 1e-9 for a, b in zip(order, order[1:], strict=False))
    assert max(places) <= 100
    assert places[2] == 10
