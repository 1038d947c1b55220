"""Curves with their names at the right end, the manner of all line charts of a report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from latentscape.core.units import number
from latentscape.reporting.svg import (
    CHARACTER,
    Scale,
    apart,
    axes,
    document,
    dots,
    fit,
    line,
    polyline,
    text,
)

LOG_SPREAD = 5.0  # the largest over the smallest value from which a logarithmic scale shows more


@dataclass(frozen=True)
class Curve:
    """A line through (x, y) points that is named at its right end, unless its label is empty.

    Attributes
    ----------
    spreads : sequence of float
        Standard deviation at each point, drawn as an upright stroke; or none.
    """

    label: str
    points: Sequence[tuple[float, float]]
    look: str
    spreads: Sequence[float] = ()


def curve_chart(
    curves: Sequence[Curve],
    size: tuple[int, int],
    y_label: str,
    alt: str,
    *floor: float,
    x_label: str = "epoch",
    ratios: tuple[bool, bool] = (False, True),
) -> tuple[str, float]:
    """Draw curves, their names beside them.

    Parameters
    ----------
    curves : sequence of Curve
        Later ones are drawn on top.
    size : tuple of int
        Width without names, and height.
    y_label, alt, x_label : str
        Names of the axes, and the alternative text.
    *floor : float
        Values that the upright scale holds whatever the curves do.
    ratios : tuple of bool
        Whether the level and the upright scale may be logarithmic, where values span much.

    Returns
    -------
    svg : str
        The drawing.
    crop : float
        Its width over the width without names.
    """
    plot, height = size
    names = max((len(curve.label) for curve in curves), default=0) * CHARACTER + 14
    width = plot + names
    spreads = [LOG_SPREAD if ratio else np.inf for ratio in ratios]
    points = [point for curve in curves for point in curve.points]
    x = fit([x for x, _ in points], 50, plot, spread=spreads[0], finest=1)
    y = fit([*(y for _, y in points), *floor], height - 44, 28, spread=spreads[1])
    marks = axes(x, y, x_label, y_label)
    for curve in curves:
        marks += _drawn(curve, x, y)
    named = [curve for curve in curves if curve.label and curve.points]
    spots = apart([y(curve.points[-1][1]) for curve in named], 16, 24, height - 44)
    for curve, spot in zip(named, spots, strict=True):
        marks.append(text(plot + 8, spot + 4, curve.label, f"end {curve.look}"))
    return document(width, height, marks, alt), width / (plot + 6)


def ends(curves: Iterable[Curve]) -> str:
    """Say in words where curves end, for those who cannot see them."""
    named = [curve for curve in curves if curve.label]
    return " ".join(f"{c.label} ends at {number(c.points[-1][1])}." for c in named)


def _drawn(curve: Curve, x: Scale, y: Scale) -> list[str]:
    points = [(x(a), y(b)) for a, b in curve.points if np.isfinite(b)]
    if len(points) == 1:
        return [dots(points, curve.look)]
    marks = [polyline(points, f"curve {curve.look}")] if points else []
    for (a, b), spread in zip(curve.points, curve.spreads, strict=False):
        low, high = (y(min(max(end, y.low), y.high)) for end in (b - spread, b + spread))
        marks.append(line(x(a), low, x(a), high, f"spread {curve.look}") if spread else "")
    return marks
