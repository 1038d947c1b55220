"""Comparisons and curves of training as SVG."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from latentscape.core.records import Findings
from latentscape.core.units import duration, number
from latentscape.reporting.blocks import Chart, figure_name
from latentscape.reporting.curves import LOG_SPREAD, Curve, curve_chart, ends
from latentscape.reporting.subject import Row, Subject
from latentscape.reporting.svg import (
    Scale,
    document,
    fit,
    line,
    polyline,
    rectangle,
    text,
    tick_label,
)

ROW = 40  # height of a model in charts that list them


def validation_errors(subject: Subject) -> Chart:
    """All models in the same unit over epochs."""
    curves = []
    for row in sorted(subject.rows, key=lambda row: row.label in _labels(subject.pictured)):
        colour, shown = subject.colour(row), row in subject.pictured
        curves += _seed_curves(row, _validation_error, row.label if shown else "", colour)
    svg, crop = curve_chart(
        curves,
        (440, 330),
        "MSE per pixel",
        f"Validation error over epochs for {len(subject.rows)} models, logarithmic where it spans "
        f"much. {ends(curves)}",
    )
    return Chart(
        "validation-error",
        "Mean squared error per pixel on validation images after each epoch. Lower is better; a "
        "line that has stopped falling has learned what it can." + "".join(_notes(subject)),
        svg,
        [(subject.colour(row), row.label) for row in subject.pictured],
        crop,
    )


def losses(subject: Subject, row: Row) -> Chart:
    """One model's loss on training and validation images over epochs."""
    colour = subject.colour(row)
    curves = _seed_curves(row, _part_value("train", "loss"), "training", f"{colour} dashed")
    curves += _seed_curves(row, _part_value("validation", "loss"), "validation", colour)
    svg, _ = curve_chart(
        curves, (320, 240), "loss, nats per example", f"Loss of {row.label}. {ends(curves)}"
    )
    return Chart(figure_name("loss", row.label), row.label, svg)


def terms(row: Row) -> Chart | None:
    """One model's objective, term by term; None where there is only one."""
    history = row.values["history"]
    names = [name for name in history[-1]["train"] if name != "loss"] if history else []
    if len(names) < 2:
        return None
    part = "validation" if history[-1]["validation"] else "train"
    curves = [
        Curve(name.replace("_", " "), _points(row.first, _part_value(part, name)), f"c{index % 8}")
        for index, name in enumerate(names)
    ]
    weights = row.values["recipe"].get("objective", {}).get("weights", {})
    sum_ = " + ".join(_weighted(name, weights.get(name, 1)) for name in names)
    alt = f"Terms of the loss of {row.label}, before weighting. {ends(curves)}"
    svg, _ = curve_chart(curves, (320, 240), "nats per example", alt)
    return Chart(figure_name("terms", row.label), f"{row.label}, terms of the loss: {sum_}", svg)


def code_use(subject: Subject, key: str) -> Chart | None:
    """Show how the use of the code changed over epochs; None where it did not.

    Parameters
    ----------
    subject : Subject
        Its pictured rows are shown.
    key : str
        ``active_units`` or ``perplexity``.
    """
    curves = [
        curve
        for row in subject.pictured
        for curve in _seed_curves(row, _latent_value(key), row.label, subject.colour(row))
    ]
    if all(len({y for _, y in curve.points}) < 2 for curve in curves):
        return None
    what, caption = _USES[key]
    alt = f"{what.capitalize()} over epochs. {ends(curves)}"
    svg, crop = curve_chart(curves, (440, 220), what, alt, 0.0)
    named = {curve.label for curve in curves}
    legend = [(subject.colour(r), r.label) for r in subject.pictured if r.label in named]
    return Chart(figure_name(key), caption, svg, legend, crop)


_USES = {
    "active_units": (
        "active dimensions",
        "Dimensions of the code that move with the image, after each epoch. A line that falls to "
        "zero is a posterior that collapses.",
    ),
    "perplexity": (
        "perplexity",
        "In so many codes, used evenly, there would be as much variety as in the codes that images "
        "choose, after each epoch.",
    ),
}


def against_pca(subject: Subject) -> Chart:
    """Each model's error beside that of PCA with a code of the same size."""
    pairs = [(row, row.mse, float(row.facts["pca"]["mse"])) for row in subject.rows]
    width = _row_width(subject)
    scale = fit([v for _, *both in pairs for v in both], 0, width, spread=LOG_SPREAD)
    marks = []
    for index, (row, mse, pca) in enumerate(pairs):
        y, colour = ROW * (index + 1), subject.colour(row)
        marks += _named_row(row, f"{number(mse)} · PCA {number(pca)}", width, y)
        marks += _dumbbell(scale(mse), scale(pca), y, colour)
        marks += _deviation(row, scale, y, colour)
    alt = "; ".join(f"{row.label} {number(mse)}, PCA {number(pca)}" for row, mse, pca in pairs)
    bottom = ROW * len(pairs) + 14
    marks = [*_bottom_axis(scale, bottom), *marks]
    return Chart(
        "against-pca",
        "Test error of each model (filled) beside PCA with a code of the same size (hollow). A "
        "model earns its keep when its dot lies to the left of the diamond.",
        document(width, bottom + 38, marks, f"Test MSE per pixel: {alt}."),
    )


def times(subject: Subject) -> Chart:
    """Training times side by side."""
    timed = [(row, float(row.facts["train_seconds"]["mean"])) for row in subject.rows]
    width = _row_width(subject)
    scale = Scale(0, max(seconds for _, seconds in timed) or 1.0, 0, width)
    marks = []
    for index, (row, seconds) in enumerate(timed):
        y, look = ROW * (index + 1), f"fill {subject.colour(row)}"
        marks += _named_row(row, duration(seconds), width, y)
        marks.append(rectangle(0, y - 5, max(scale(seconds), 1), 9, look))
    alt = "; ".join(f"{row.label} {duration(seconds)}" for row, seconds in timed)
    return Chart(
        "training-times",
        "Time spent training, evaluation not counted. Times compare only within one machine.",
        document(width, ROW * len(timed) + 12, marks, f"Training times: {alt}."),
    )


def _seed_curves(
    row: Row, value: Callable[[dict[str, Any]], float | None], label: str, look: str
) -> list[Curve]:
    """Return the mean over seeds, and under it every seed for itself where there are several."""
    seeds = [points for run in row.runs if (points := _points(run, value))]
    if not seeds:
        return []
    # Early stopping may end seeds at different epochs: the mean goes as far as all of them do.
    length = min(len(points) for points in seeds)
    mean = np.mean([points[:length] for points in seeds], axis=0)
    each = [Curve("", points, f"{look} seed") for points in seeds] if len(seeds) > 1 else []
    return [*each, Curve(label, [(float(a), float(b)) for a, b in mean], look)]


def _points(
    run: Findings, value: Callable[[dict[str, Any]], float | None]
) -> list[tuple[float, float]]:
    pairs = [(float(entry["epoch"]), value(entry)) for entry in run.values["history"]]
    return [(epoch, y) for epoch, y in pairs if y is not None and np.isfinite(y)]


def _validation_error(entry: dict[str, Any]) -> float | None:
    return float(entry["validation"]["mse"]) if entry["validation"] else None


def _part_value(part: str, name: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda entry: entry[part][name] if entry[part] else None


def _latent_value(key: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda entry: (entry.get("latent") or {}).get(key)


def _weighted(name: str, weight: float) -> str:
    """Write a term with its weight, as it stands in the sum."""
    words = name.replace("_", " ")
    return words if weight == 1 else f"{weight:g} × {words}"


def _row_width(subject: Subject) -> float:
    """Return room for the longest label, in bold, and the numbers at the right."""
    return max(440, 7.6 * max(len(row.marked) for row in subject.rows) + 150)


def _named_row(row: Row, numbers: str, width: float, y: float) -> list[str]:
    return [
        text(0, y - 13, row.marked, "name"),
        text(width, y - 13, numbers, "tick", "end"),
        line(0, y, width, y, "grid"),
    ]


def _dumbbell(mse: float, pca: float, y: float, look: str) -> list[str]:
    x, side = pca, 5.5
    diamond = [(x - side, y), (x, y - side), (x + side, y), (x, y + side), (x - side, y)]
    return [
        line(mse, y, pca, y, f"bridge {look}"),
        polyline(diamond, "hollow"),
        f'<circle cx="{mse:.1f}" cy="{y:.1f}" r="5.5" class="fill {look}"/>',
    ]


def _deviation(row: Row, scale: Scale, y: float, look: str) -> list[str]:
    sd = row.facts["metrics"]["mse"].get("sd")
    if not sd:
        return []
    low, high = max(row.mse - sd, scale.low), min(row.mse + sd, scale.high)
    return [line(scale(low), y, scale(high), y, f"deviation {look}")]


def _bottom_axis(scale: Scale, y: float) -> list[str]:
    end = scale.end
    marks = [line(0, y, end, y, "base"), text(end, y + 34, "test MSE per pixel", "axis", "end")]
    for tick in scale.ticks():
        marks.append(line(scale(tick), 24, scale(tick), y, "grid"))
        marks.append(text(scale(tick), y + 17, tick_label(tick), "tick", "middle"))
    return marks


def _labels(rows: Iterable[Row]) -> set[str]:
    return {row.label for row in rows}


def _notes(subject: Subject) -> Iterator[str]:
    if subject.seeds > 1:
        seeds = subject.seeds
        yield f" Bold: the mean over up to {seeds} seeds; faint in the same colour: each seed."
    if hidden := len(subject.rows) - len(subject.pictured):
        yield f" The {hidden} models with higher test errors are drawn in grey."
    if any(not entry["validation"] for row in subject.rows for entry in row.values["history"]):
        yield " Models that held nothing out for validation have no line here."
