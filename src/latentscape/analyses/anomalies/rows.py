"""How well scores tell anomalies in the rows of a study, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from latentscape.analyses.anomalies.metrics import AUROCS, BASELINE_AUROCS
from latentscape.analyses.anomalies.result import Anomalies
from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.reporting.subject import Row


@dataclass(frozen=True)
class ScoreColumn:
    """A score of the model, or its baseline, over rows.

    Attributes
    ----------
    metric : Metric
        What is measured.
    name : str
        What the score is called.
    whose : str
        ``model`` or ``baseline``.
    statistics : tuple of Statistic or None
        A row each.
    mean : float or None
        Mean over rows; None unless every row has the score.
    """

    metric: Metric
    name: str
    whose: str
    statistics: tuple[Statistic | None, ...]

    @property
    def mean(self) -> float | None:
        """Mean over rows."""
        known = [statistic.mean for statistic in self.statistics if statistic]
        return sum(known) / len(known) if len(known) == len(self.statistics) else None


def judged_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of which anyone says what is normal."""
    return [row for row in rows if any(map(row.statistic, AUROCS.values()))]


def score_columns(rows: Sequence[Row]) -> list[ScoreColumn]:
    """Return the scores of the model that any row has, then the same scores without a model."""
    names = [(key, metric.name) for key, metric in AUROCS.items()]
    metrics: Mapping[str, Mapping[str, Metric]] = {"model": AUROCS, "baseline": BASELINE_AUROCS}
    columns = [
        ScoreColumn(of_kind[key], name, whose, tuple(row.statistic(of_kind[key]) for row in rows))
        for whose, of_kind in metrics.items()
        for key, name in names
    ]
    return [column for column in columns if any(column.statistics)]


def has_mean(rows: Sequence[Row]) -> bool:
    """Whether every row has a normal of its own, so that their mean means something."""
    results = [row.get(Anomalies) for row in rows]
    normals = {result.normal if result else None for result in results}
    return len(normals) == len(rows) > 1
