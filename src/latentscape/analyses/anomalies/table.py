"""The tables of anomaly scores on a terminal."""

from latentscape.analyses.anomalies.metrics import AUROCS, BASELINE_AUROCS
from latentscape.analyses.anomalies.result import BASELINE_OF, SCORES, Anomalies
from latentscape.analyses.anomalies.rows import has_mean, judged_rows, score_columns
from latentscape.analyses.anomalies.sentences import describe_anomalous
from latentscape.analyses.notes import print_notes
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.units import joined
from latentscape.reporting.subject import Subject
from latentscape.terminal.layout import (
    Column,
    align_right,
    marked,
    print_columns,
    print_line,
    show,
    table,
)


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
    if sentences := " ".join(filter(None, [normal, describe_anomalous(result)])):
        print_line(sentences)
    print_notes(item, result)


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
        columns.append(Column(column.name, column.whose, cells, column.metric.rank))
    print_columns("Anomalies: AUROC", [*labels, *["mean"] * has_mean(rows)], columns)
