"""Findings as tables of numbers, with the units of all metrics."""

from collections.abc import Iterable, Mapping

from latentscape.analyses.analysis import Result
from latentscape.analyses.metrics import find_metric
from latentscape.analyses.registry import analysis
from latentscape.analyses.summaries import code_scores
from latentscape.core.findings import Statistic
from latentscape.core.tables import Table, Value
from latentscape.evaluation.results import Evaluation
from latentscape.evaluation.study import CodeScores, StudyFindings, StudyRow
from latentscape.runs import Run, RunFindings


def metrics_table(run: Run) -> Table:
    """Put the errors of a run beside those of its baselines."""
    return RunFindings(run).require(Evaluation).table


def scores_table(run: Run) -> Table:
    """List what all codes that a run was compared with are good for, the run's model first."""
    return _codes_table("codes", code_scores(RunFindings(run)))


def result_table(result: Result) -> Table:
    """List what an analysis has measured of each code; or of the model, where that is all."""
    item = analysis(result.part)
    if codes := list(item.scores(result)):
        return _codes_table(result.part, codes)
    numbers = {metric.key: value for metric, value in item.row_numbers(result).items()}
    return _table(result.part, [numbers] if numbers else [])


def study_table(study: StudyFindings) -> Table:
    """List the configurations of a study."""
    return _table(study.name, map(_study_row, study.rows))


def _study_row(row: StudyRow) -> dict[str, Value]:
    return {
        "label": row.label,
        "recipe": row.recipe,
        "seeds": len(row.runs),
        "parameters": row.parameters,
        "latent_dim": row.latent_dim,
        "epochs": row.epochs,
        "train_seconds": row.train_seconds.mean,
        **_numbers(row.statistics),
        "pca_mse": row.comparison.pca_mse,
        "mean_image_mse": row.comparison.mean_image_mse,
        "against_pca": row.comparison.outcome,
        "collapse": row.collapse,
    }


def _codes_table(title: str, codes: Iterable[CodeScores]) -> Table:
    rows = ({"code": code.name, "kind": code.kind, **_numbers(code.statistics)} for code in codes)
    return _table(title, rows)


def _numbers(statistics: Mapping[str, Statistic]) -> dict[str, Value]:
    """Return means by the keys of metrics, each followed by its standard deviation if known."""
    numbers: dict[str, Value] = {}
    for key, statistic in statistics.items():
        numbers[key] = statistic.mean
        if statistic.sd is not None:
            numbers[f"{key}_sd"] = statistic.sd
    return numbers


_UNITS = {"train_seconds": "s", "pca_mse": "per pixel", "mean_image_mse": "per pixel"}


def _table(title: str, rows: Iterable[Mapping[str, Value]]) -> Table:
    rows = list(rows)
    metrics = {name: find_metric(name.removesuffix("_sd")) for row in rows for name in row}
    units = {name: metric.unit for name, metric in metrics.items()}
    return Table.of_rows(title, rows, {**units, **_UNITS})
