"""The metrics of all results, found by key and in the order of tables."""

from latentscape.analyses.registry import analyses
from latentscape.core.metrics import Metric
from latentscape.evaluation.latent_metrics import LATENT_NUMBERS
from latentscape.evaluation.quantities import QUANTITIES


def score_metrics() -> tuple[Metric, ...]:
    """Return what codes are compared by, in the order of tables."""
    return tuple(metric for item in analyses() for metric in item.metrics)


def find_metric(key: str) -> Metric:
    """Look a metric up by its key; one that is not known keeps the key for a name."""
    evaluation = [quantity.metric for quantity in QUANTITIES]
    of_rows = [metric for item in analyses() for metric in item.row_metrics]
    metrics = {m.key: m for m in (*evaluation, *LATENT_NUMBERS, *of_rows, *score_metrics())}
    return metrics.get(key) or Metric(key, key.replace("_", " "))
