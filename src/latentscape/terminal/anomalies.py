"""Anomalies: how well scores tell them, of a run and of the configurations of a study."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from latentscape.core import units
from latentscape.terminal.layout import (
    Column,
    marked,
    print_columns,
    print_line,
    right,
    show,
    table,
)
from latentscape.terminal.learned import print_notes

_RANKS = {"rank_average": 0, "reconstruction": 2, "latent_knn": 4, "mahalanobis": 6}

Statistics = Mapping[str, Mapping[str, Any] | None]


def print_anomalies(values: Mapping[str, Any]) -> None:
    """Print how well scores tell anomalous images from normal ones.

    Parameters
    ----------
    values : mapping
        ``anomalies`` of the findings.
    """
    scores, baselines = values["scores"], values["baselines"]
    made = table("AUROC", "model", "PCA or pixels", title="Anomalies")
    for key, (name, baseline) in units.ANOMALY_SCORES.items():
        if scores.get(key, {}).get("auroc") is not None:
            pair = (scores[key]["auroc"], (baselines.get(baseline) or {}).get("auroc"))
            made.add_row(name, *(units.number(value, 3) for value in pair))
    if made.row_count:
        right(made, 1, 2)
        show(made)
    told = [f"Normal: {units.joined(values['normal'])}."] if values["normal"] else []
    if (anomalous := values.get("n_anomalous")) is not None:
        told.append(f"{units.count(anomalous)} of {units.count(values['n'])} images are anomalous.")
    if told:
        print_line(" ".join(told))
    print_notes(values)


def print_anomaly_rows(values: Mapping[str, Any]) -> None:
    """Print the AUROC of a study's configurations, and their mean; nothing if not measured.

    Parameters
    ----------
    values : mapping
        Findings of a study.
    """
    rows = [row for row in values["rows"] if any((row.get("anomalies") or {}).values())]
    if not rows:
        return
    labels = [marked(row["label"], row.get("supervised", False), False) for row in rows]
    scores: list[Statistics] = [row["anomalies"] for row in rows]
    baselines: list[Statistics] = [row.get("anomaly_baselines") or {} for row in rows]
    if len(rows) > 1 and (mean := values.get("anomalies")):
        labels.append("mean")
        # Without the deviation over rows, which would pass for one over seeds.
        scores.append(_means(mean["scores"]))
        baselines.append(_means(mean["baselines"]))
    columns = [*_aurocs("model", scores), *_aurocs("baseline", baselines)]
    print_columns("Anomalies: AUROC", labels, columns)


def _means(found: Statistics) -> Statistics:
    return {name: {"mean": (score or {}).get("mean")} for name, score in found.items()}


def _aurocs(whose: str, found: Sequence[Statistics]) -> Iterator[Column]:
    """Make the columns of the scores of models, or of their baselines."""
    for score, (name, baseline) in units.ANOMALY_SCORES.items():
        key, later = (score, 0) if whose == "model" else (baseline, 1)
        if any(line.get(key) for line in found):
            cells = [units.statistic(line.get(key), 3) for line in found]
            yield Column(name, whose, cells, _RANKS[score] + later)
