"""Curves with their names at the right end, the manner of all line charts of a report."""

from collections.abc import Iterable, Iterator, Sequence
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
    tick_label,
)

LOG_FROM = 5.0
"""Ratio of the largest to the smallest value from which on a logarithmic scale shows more."""


@dataclass(frozen=True)
class Curve:
    """A line through (x, y) points that is named at its right end, unless its label is empty.

    Attributes
    ----------
    sds : sequence of float
        Standard deviation at each point, drawn as an upright stroke; or none.
    name : str
        What it is called where it is pointed at, if that is not its label.
    """

    label: str
    points: Sequence[tuple[float, float]]
    look: str
    sds: Sequence[float] = ()
    name: str = ""


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
    log_from = [LOG_FROM if ratio else np.inf for ratio in ratios]
    points = [point for curve in curves for point in curve.points]
    x = fit([x for x, _ in points], 50, plot, log_from=log_from[0], finest=1)
    y = fit([*(y for _, y in points), *floor], height - 44, 28, log_from=log_from[1])
    marks = axes(x, y, x_label, y_label)
    for curve in curves:
        marks += _marks(curve, x, y)
    named = [curve for curve in curves if curve.label and curve.points]
    spots = apart([y(curve.points[-1][1]) for curve in named], 16, 24, height - 44)
    for curve, spot in zip(named, spots, strict=True):
        marks.append(text(plot + 8, spot + 4, curve.label, f"end {curve.look}"))
    data = {"x": x_label, "y": y_label}
    return document(width, height, marks, alt, data), width / (plot + 6)


def ends(curves: Iterable[Curve]) -> str:
    """Say in words where curves end, for those who cannot see them."""
    named = [curve for curve in curves if curve.label]
    return " ".join(f"{c.label} ends at {number(c.points[-1][1])}." for c in named)


def _values(curve: Curve) -> Iterator[str]:
    """Write the values of the points that are drawn, with what they spread, as ``x:y:sd``."""
    for index, (a, b) in enumerate(curve.points):
        if np.isfinite(b):
            sd = curve.sds[index] if curve.sds else 0.0
            yield f"{tick_label(a)}:{number(b)}" + (f":{number(sd, 2)}" if sd else "")


def _marks(curve: Curve, x: Scale, y: Scale) -> list[str]:
    points = [(x(a), y(b)) for a, b in curve.points if np.isfinite(b)]
    data = {"name": curve.name or curve.label, "values": " ".join(_values(curve))}
    if len(points) == 1:
        return [dots(points, curve.look, data)]
    marks = [polyline(points, f"curve {curve.look}", data)] if points else []
    for (a, b), sd in zip(curve.points, curve.sds, strict=False):
        marks.append(line(x(a), y(b - sd), x(a), y(b + sd), f"spread {curve.look}") if sd else "")
    return marks
