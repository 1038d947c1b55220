"""How well anomaly scores tell anomalies: the numbers that rows of studies average."""

from latentscape.analyses.anomalies.result import BASELINE_OF, SCORES
from latentscape.core.metrics import Metric

_RANKS = {"reconstruction": 2, "latent_knn": 4, "mahalanobis": 6, "rank_average": 0}


def _metric(key: str, name: str, rank: int) -> Metric:
    return Metric(
        f"anomaly_{key}",
        name,
        "AUROC",
        higher_is_better=True,
        digits=3,
        rank=rank,
        about="The chance that an anomalous example scores higher than a normal one: 0.5 is "
        "chance, 1 is perfect.",
    )


AUROCS = {key: _metric(key, name, _RANKS[key]) for key, name in SCORES.items()}
"""The metric of each score of a model."""

BASELINE_AUROCS = {
    key: _metric(baseline, f"{SCORES[key]}, baseline", _RANKS[key] + 1)
    for key, baseline in BASELINE_OF.items()
}
"""The metric of the baseline of each score."""
