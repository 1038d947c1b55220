"""The tables of anomaly scores on a terminal."""

from latentscape.analyses.anomalies.method import score_table
from latentscape.analyses.anomalies.metrics import AUROCS, BASELINE_AUROCS
from latentscape.analyses.anomalies.result import BASELINE_OF, SCORES, Anomalies
from latentscape.analyses.anomalies.rows import has_mean, judged_rows, score_columns
from latentscape.analyses.anomalies.sentences import describe_anomalous, describe_verdict
from latentscape.analyses.notes import print_notes
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.units import joined, number
from latentscape.reporting.subject import Subject
from latentscape.terminal.layout import (
    PrintedColumn,
    align_right,
    marked,
    print_columns,
    print_line,
    show,
    table,
)

MAX_LISTED = 10
"""Images whose verdicts are printed one by one, at most."""


def print_anomalies(item: AnyAnalysis, result: Anomalies) -> None:
    """Print how well scores tell anomalous images from normal ones."""
    lines = table("AUROC", "model", "PCA or pixels", title="Anomalies")
    for key, name in SCORES.items():
        if (auroc := result.auroc(key)) is not None:
            baseline = BASELINE_AUROCS[key].write(result.auroc(BASELINE_OF[key]))
            lines.add_row(name, AUROCS[key].write(auroc), baseline)
    if lines.row_count:
        align_right(lines, 1, 2)
        show(lines)
    normal = f"Normal: {joined(result.normal)}." if result.normal else ""
    for sentence in (f"{normal} {describe_anomalous(result)}".strip(), describe_verdict(result)):
        if sentence:
            print_line(sentence)
    if result.verdicts is not None and len(result.index) <= MAX_LISTED:
        _print_verdicts(result)
    print_notes(item, result)


def _print_verdicts(result: Anomalies) -> None:
    """Print the verdict on each of a few images."""
    _, rows = score_table(result)
    lines = table("Image", "Label", "Verdict", "Rank average", title="Verdicts")
    ranks = result.scores["rank_average"].values.tolist()
    for (index, label, verdict, *_), rank in zip(rows, ranks, strict=True):
        lines.add_row(str(index), label, verdict, number(rank, 3))
    align_right(lines, 0, 3)
    show(lines)


def print_anomaly_rows(subject: Subject) -> None:
    """Print the AUROC of the rows of a study, and their mean; nothing if not measured."""
    rows = judged_rows(subject.rows)
    if not rows:
        return
    labels = [marked(row.label, row.supervised, False) for row in rows]
    columns = []
    for column in score_columns(rows):
        cells = list(map(column.metric.write_statistic, column.statistics))
        if has_mean(rows):
            # Without the deviation over rows, which would pass for one over seeds.
            cells.append(column.metric.write(column.mean))
        columns.append(PrintedColumn(column.name, column.whose, cells, column.metric.rank))
    print_columns("Anomalies: AUROC", [*labels, *["mean"] * has_mean(rows)], columns)
