"""The section on sample quality: what a classifier makes of samples, with real images beside."""

from collections.abc import Iterator, Mapping, Sequence

from latentscape.analyses.codes import SENTENCE_ON_INTERVALS
from latentscape.analyses.notes import describe_drawn
from latentscape.analyses.quality.result import (
    FRECHET_DISTANCE,
    LABEL_DISTANCE,
    PRECISION,
    RECALL,
    RECOGNISED,
    Closeness,
    Quality,
)
from latentscape.analyses.quality.sentences import describe_comparison, describe_judge
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.metrics import Metric
from latentscape.core.units import NONE, count, joined, percent
from latentscape.reporting.blocks import Block, Cell, Chart, Gallery, Section, Table, figure_name
from latentscape.reporting.sentences import as_sentence, by_sentence, shortened
from latentscape.reporting.subject import Row, Subject
from latentscape.reporting.svg import CHARACTER, Scale, document, line, rectangle, text

MAX_LABELS = 40
"""Labels that are drawn: of more those whose shares differ most."""

_Numbers = Mapping[Metric, float | None]


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show what a classifier makes of samples."""
    rows = subject.having(Quality)
    if not rows:
        return None
    counts = sorted({_of(row).n for row in rows})
    lead = (
        f"{joined([count(n) for n in counts])} samples, {describe_judge(_of(rows[0]))}. These "
        "numbers depend on it: compare them between runs on the same data, and with nothing else. "
        f"{SENTENCE_ON_INTERVALS}."
    )
    lead = " ".join([*map(as_sentence, describe_drawn(_of(rows[0]))), lead])
    charts = [label_shares(subject, row) for row in rows if row in subject.pictured]
    blocks: list[Block] = [_table(item, rows)]
    # A single chart has its caption under it.
    blocks += [Gallery(charts)] if len(charts) > 1 else charts
    return Section("quality", item.title, lead, blocks)


def label_shares(subject: Subject, row: Row) -> Chart:
    """Draw how often each label is seen among samples, beside how often it is in the data."""
    result = _of(row)
    names = _most_different(result)
    pairs = [(name, result.label_shares[name], result.data_shares[name]) for name in names]
    left = max(len(name) for name in names) * CHARACTER + 10
    scale = Scale(0, max(max(pair[1:]) for pair in pairs) or 1.0, left, left + 240)
    marks, look = list[str](), f"fill {subject.colour(row)}"
    for index, (name, share, real) in enumerate(pairs):
        y = 20 * index
        marks.append(text(left - 8, y + 11, name, "tick", "end"))
        about = f"{name}: {percent(share)} of the samples, {percent(real)} of the test images"
        bar = (left, y + 1, max(scale(share) - left, 0.5), 13)
        marks.append(rectangle(*bar, look, about=about))
        marks.append(line(scale(real), y - 1, scale(real), y + 16, "real"))
        marks.append(text(left + 290, y + 11, percent(share), "tick", "end"))
    alt = "; ".join(f"{name} {percent(share)}, data {percent(real)}" for name, share, real in pairs)
    marks.append(line(left, -1, left, 20 * len(pairs) - 4, "base"))
    svg = document(left + 292, 20 * len(pairs), marks, f"Labels of {row.label}: {alt}.")
    caption = f"{row.label}: labels seen in its samples (bars) and in the test images (marks)."
    return Chart(figure_name("label-shares", row.label), caption, svg)


def _of(row: Row) -> Quality:
    return row.first.require(Quality)


def _most_different(result: Quality) -> list[str]:
    """Return the labels to show: all, or of many those whose shares differ most."""
    shares, real = result.label_shares, result.data_shares
    different = sorted(real, key=lambda name: -abs(shares[name] - real[name]))[:MAX_LABELS]
    return [name for name in real if name in different]


def _table(item: AnyAnalysis, rows: Sequence[Row]) -> Table:
    """Compare what a classifier makes of samples, with real images below them."""
    numbers = [item.row_numbers(_of(row)) for row in rows]
    columns = [
        metric
        for metric in item.row_metrics
        if any(values[metric] is not None for values in numbers)
    ]
    head = [("Samples of", ""), *((metric.name, metric.unit) for metric in columns)]
    body = [
        [
            Cell(row.label, title=True, marks=row.marks),
            *(_cell(metric, values[metric], _of(row)) for metric in columns),
        ]
        for row, values in zip(rows, numbers, strict=True)
    ]
    abouts = [f"{metric.name}: {metric.about}" for metric in columns]
    pairs = ((row.label, describe_comparison(_of(row))) for row in rows)
    caption = " ".join([*abouts, *by_sentence(pairs)])
    return Table(caption, head, [*body, *_references(rows, columns), *_guesses(rows, columns)])


def _references(rows: Sequence[Row], columns: Sequence[Metric]) -> Iterator[list[Cell]]:
    """Write what real training images reach, once for all models that share them."""
    groups: list[tuple[Closeness, list[Row]]] = []
    for row in rows:
        reference = _of(row).reference
        same = next((group for other, group in groups if other == reference), None)
        if same is None:
            groups.append((reference, [row]))
        else:
            same.append(row)
    for reference, group in groups:
        whose = f" ({shortened([row.label for row in group])})" if len(groups) > 1 else ""
        values = _closeness(reference)
        cells = [Cell(_written(metric, values.get(metric)) or "") for metric in columns]
        yield [Cell(f"Real training images{whose}", title=True), *cells]


def _guesses(rows: Sequence[Row], columns: Sequence[Metric]) -> Iterator[list[Cell]]:
    """Write in how many samples the label asked for would be named without looking at them."""
    guesses = {
        (name, accuracy)
        for row in rows
        if (guessing := _of(row).recognised_guessing) is not None
        for name, accuracy in guessing.accuracies.items()
    }
    for name, accuracy in sorted(guesses):
        cells = [Cell(RECOGNISED.write(accuracy) if m is RECOGNISED else "") for m in columns]
        yield [Cell(name, title=True), *cells]


def _cell(metric: Metric, value: float | None, result: Quality) -> Cell:
    note = RECOGNISED.write_spread(result.recognition) if metric is RECOGNISED else ""
    return Cell(_written(metric, value) or NONE, note=note)


def _closeness(closeness: Closeness) -> _Numbers:
    return {
        FRECHET_DISTANCE: closeness.frechet_distance,
        PRECISION: closeness.precision,
        RECALL: closeness.recall,
    }


def _written(metric: Metric, value: float | None) -> str | None:
    """Write a number as it is read; None where it does not apply."""
    if value is None:
        return None
    is_share = metric in (PRECISION, RECALL, LABEL_DISTANCE)
    return percent(value) if is_share else metric.write(value)
