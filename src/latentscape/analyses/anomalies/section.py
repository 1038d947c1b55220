"""The section on anomalies: how well what is strange to the model is told from what is not."""

from collections.abc import Sequence

from latentscape.analyses.anomalies.metrics import AUROCS
from latentscape.analyses.anomalies.result import BASELINE_OF, SCORES, Anomalies, Extremes
from latentscape.analyses.anomalies.rows import has_mean, judged_rows, score_columns
from latentscape.analyses.anomalies.sentences import describe_anomalous, describe_verdict
from latentscape.analyses.notes import circumstances
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.core.units import joined
from latentscape.reporting.blocks import (
    Block,
    Cell,
    Panel,
    Plate,
    Prose,
    Section,
    Table,
    figure_name,
)
from latentscape.reporting.sentences import by_sentence
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject

ACROSS = 8

_AUROC = (
    "AUROC is the probability that an anomalous image scores higher than a normal one: 0.5 is "
    "chance, 1 is perfect. Beside each score of the model stands the same score without one."
)
_PICTURES = (
    "The pictures are the images that are most unlike what the model was trained on, by its rank "
    "average, and those that are least so."
)


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show how well each score tells anomalies, and which images have the highest."""
    rows = subject.having(Anomalies)
    if not rows:
        return None
    blocks: list[Block] = circumstances(item, rows)
    lead = []
    # Where nobody says which images are normal, nothing can be counted, but strange ones seen.
    if judged := judged_rows(rows):
        lead.append(_AUROC)
        blocks.append(_single(judged[0]) if subject.is_single else _several(judged))
    verdicts = by_sentence((row.label, describe_verdict(_of(row))) for row in rows)
    if sentences := [sentence for sentence in verdicts if sentence]:
        blocks.append(Prose(sentences, listed=len(sentences) > 1))
    pictured = [row for row in rows if row in subject.pictured and _of(row).takes_images]
    if pictured:
        lead.append(_PICTURES)
    blocks += [_plate(subject, row) for row in pictured]
    return Section("anomalies", "Anomalies", " ".join(lead), blocks)


def _of(row: Row) -> Anomalies:
    return row.first.require(Anomalies)


def _single(row: Row) -> Table:
    """List scores below each other, each beside its baseline."""
    result, body = _of(row), []
    for key, name in SCORES.items():
        if key in result.scores:
            pair = (result.auroc(key), result.auroc(BASELINE_OF[key]))
            metrics = [AUROCS[key]] * 2
            statistics = [None if value is None else Statistic(mean=value) for value in pair]
            body.append([Cell(name, title=True), *_cells(metrics, statistics)])
    head = [("Score", "AUROC"), (row.label, ""), ("Baseline", "PCA or pixels")]
    normal = f"Normal is {joined(result.normal)}. " if result.normal else ""
    return Table(f"{normal}{describe_anomalous(result)}", head, body)


def _several(rows: Sequence[Row]) -> Table:
    """List models below each other, with the mean of all where each has a normal of its own."""
    columns = score_columns(rows)
    metrics = [column.metric for column in columns]
    lines = zip(*(column.statistics for column in columns), strict=True)
    body = [
        [Cell(row.label, title=True), *_cells(metrics, line)]
        for row, line in zip(rows, lines, strict=True)
    ]
    caption = (
        "Baselines are the reconstruction error of PCA and the same distances between pixels. "
        "★ marks the best of a line."
    )
    if has_mean(rows):
        # Without the deviation over rows, which would pass for one over seeds.
        means = [None if c.mean is None else Statistic(mean=c.mean) for c in columns]
        body.append([Cell("Mean", title=True), *_cells(metrics, means)])
        caption += " Each line calls another label normal; the last is the mean of all lines."
    head = [("AUROC", ""), *((column.name, column.whose) for column in columns)]
    return Table(caption, head, body, int(has_mean(rows)))


def _cells(metrics: Sequence[Metric], line: Sequence[Statistic | None]) -> list[Cell]:
    """Write a line of numbers, the highest marked."""
    pairs = list(zip(metrics, line, strict=True))
    texts = [metric.write(statistic.mean if statistic else None) for metric, statistic in pairs]
    best = max((s.mean for s in line if s), default=None)
    return [
        Cell(
            text,
            statistic is not None and text == metric.write(best),
            metric.write_spread(statistic),
        )
        for text, (metric, statistic) in zip(texts, pairs, strict=True)
    ]


def _plate(subject: Subject, row: Row) -> Plate:
    result = _of(row)
    panels = [
        _panel(subject, row, "Most anomalous", result.highest),
        _panel(subject, row, "Least anomalous", result.lowest),
    ]
    title = "" if subject.is_single else row.label
    caption = "The images with the highest and with the lowest scores, the first one first."
    return Plate(figure_name("anomalies", row.label), title, caption, panels)


def _panel(subject: Subject, row: Row, title: str, extremes: Extremes) -> Panel:
    kinds = {"Image": extremes.images, "Reconstruction": extremes.reconstructions}
    strips = [
        strip(
            kind,
            images[start : start + ACROSS],
            ACROSS,
            subject.tile,
            f"{title}, {kind.lower()} {start + 1} and on, {row.label}",
        )
        for start in range(0, len(extremes.images), ACROSS)
        for kind, images in kinds.items()
    ]
    return Panel(title, strips)
