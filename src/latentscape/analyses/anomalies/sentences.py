"""How examples were scored, and which of them are anomalous, in sentences."""

from latentscape.analyses.anomalies.result import Anomalies
from latentscape.core.units import count, joined


def describe_protocol(result: Anomalies) -> list[str]:
    """Say what scores mean, and what they refer to."""
    labels = result.reference_labels
    labelled = f" (labelled {joined(labels)})" if labels else ""
    return [
        f"Higher is more anomalous, measured against the {count(result.protocol.n_fitted)} "
        f"training examples{labelled}: by the squared error of the reconstruction, by the mean "
        f"distance to the {result.neighbours} nearest of their codes, and by the Mahalanobis "
        "distance to their mean",
        "The rank average takes ranks among the scores of the "
        f"{count(result.n_ranked)} {result.ranked_among} examples",
        "Baselines do the same with PCA of as many numbers and with pixels",
        "Scores look at no labels, AUROC does",
    ]


def describe_anomalous(result: Anomalies) -> str:
    """Say how many images are anomalous; nothing where nobody says which are normal."""
    if result.n_anomalous is None:
        return ""
    scored = count(result.protocol.n_scored)
    return f"{count(result.n_anomalous)} of {scored} images are anomalous."
