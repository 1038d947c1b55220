"""Models side by side as SVG: errors beside those of PCA, and training times."""

from latentscape.core.units import duration, number
from latentscape.evaluation.quantities.squared_error import MSE
from latentscape.reporting.blocks import Chart
from latentscape.reporting.curves import LOG_FROM
from latentscape.reporting.subject import Row, Subject
from latentscape.reporting.svg import (
    Scale,
    data_attributes,
    document,
    fit,
    line,
    polyline,
    rectangle,
    text,
    tick_label,
)

ROW = 40  # height of a model


def against_pca(subject: Subject) -> Chart:
    """Draw each model's error beside that of PCA with a code of the same size."""
    pairs = [(row, row.mse, row.facts.comparison.pca_mse) for row in subject.rows]
    width = _row_width(subject)
    scale = fit([value for _, *both in pairs for value in both], 0, width, log_from=LOG_FROM)
    bottom = ROW * len(pairs) + 14
    marks = _bottom_axis(scale, bottom)
    for index, (row, mse, pca) in enumerate(pairs):
        y, colour = ROW * (index + 1), subject.colour(row)
        marks += _named_row(row, f"{number(mse)} · PCA {number(pca)}", width, y)
        abouts = (f"{row.label}: {number(mse)}", f"PCA beside {row.label}: {number(pca)}")
        marks += _dumbbell(scale(mse), scale(pca), y, colour, abouts)
        marks += _deviation(row, scale, y, colour)
    alt = "; ".join(f"{row.label} {number(mse)}, PCA {number(pca)}" for row, mse, pca in pairs)
    return Chart(
        "against-pca",
        "Test error of each model (filled) beside PCA with a code of the same size (hollow). A "
        "model earns its keep when its dot lies to the left of the diamond.",
        document(width, bottom + 38, marks, f"Test MSE per pixel: {alt}."),
    )


def times(subject: Subject) -> Chart:
    """Draw training times side by side."""
    seconds = [row.facts.train_seconds.mean for row in subject.rows]
    width = _row_width(subject)
    scale = Scale(0, max(seconds) or 1.0, 0, width)
    marks = []
    for index, (row, time) in enumerate(zip(subject.rows, seconds, strict=True)):
        y, look = ROW * (index + 1), f"fill {subject.colour(row)}"
        marks += _named_row(row, duration(time), width, y)
        about = f"{row.label}: {duration(time)}"
        marks.append(rectangle(0, y - 5, max(scale(time), 1), 9, look, about=about))
    alt = "; ".join(
        f"{row.label} {duration(time)}" for row, time in zip(subject.rows, seconds, strict=True)
    )
    return Chart(
        "training-times",
        "Time spent training, evaluation not counted. Times compare only within one machine.",
        document(width, ROW * len(seconds) + 12, marks, f"Training times: {alt}."),
    )


def _row_width(subject: Subject) -> float:
    """Return room for the longest label, in bold, and the numbers at the right."""
    return max(440, 7.6 * max(len(row.marked) for row in subject.rows) + 150)


def _named_row(row: Row, numbers: str, width: float, y: float) -> list[str]:
    return [
        text(0, y - 13, row.marked, "name"),
        text(width, y - 13, numbers, "tick", "end"),
        line(0, y, width, y, "grid"),
    ]


def _dumbbell(mse: float, pca: float, y: float, look: str, abouts: tuple[str, str]) -> list[str]:
    """Draw the error of a model and that of PCA, with what is said of each."""
    x, side = pca, 5.5
    own, other = ({"about": about} for about in abouts)
    diamond = [(x - side, y), (x, y - side), (x + side, y), (x, y + side), (x - side, y)]
    return [
        line(mse, y, pca, y, f"bridge {look}"),
        polyline(diamond, "hollow", other),
        f'<circle cx="{mse:.1f}" cy="{y:.1f}" r="5.5" class="fill {look}"{data_attributes(own)}/>',
    ]


def _deviation(row: Row, scale: Scale, y: float, look: str) -> list[str]:
    statistic = row.statistic(MSE.metric)
    if statistic is None or not statistic.sd:
        return []
    low, high = scale(row.mse - statistic.sd), scale(row.mse + statistic.sd)
    return [line(low, y, high, y, f"deviation {look}")]


def _bottom_axis(scale: Scale, y: float) -> list[str]:
    end = scale.end
    marks = [line(0, y, end, y, "base"), text(end, y + 34, "test MSE per pixel", "axis", "end")]
    for tick in scale.ticks():
        marks.append(line(scale(tick), 24, scale(tick), y, "grid"))
        marks.append(text(scale(tick), y + 17, tick_label(tick), "tick", "middle"))
    return marks
