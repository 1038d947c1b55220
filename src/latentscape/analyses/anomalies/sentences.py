"""How examples were scored, and which of them are anomalous, in sentences."""

from latentscape.analyses.anomalies.result import Anomalies
from latentscape.core.units import count, joined, number, percent


def describe_protocol(result: Anomalies) -> list[str]:
    """Say what scores mean, and what they refer to."""
    labels = result.reference_labels
    labelled = f" (labelled {joined(labels)})" if labels else ""
    return [
        f"Higher is more anomalous, measured against the {count(result.protocol.n_fitted)} "
        f"training examples{labelled}: by the squared error of the reconstruction, by the mean "
        f"distance to the {result.neighbours} nearest of their codes, and by the Mahalanobis "
        "distance to their mean",
        f"The rank average takes ranks among the scores of the {_ranked(result)}",
        "Baselines do the same with PCA of as many numbers and with pixels",
        "Scores look at no labels, AUROC does",
    ]


def describe_anomalous(result: Anomalies) -> str:
    """Say how many images are anomalous, and which of these the model was trained on.

    Nothing where nobody says which are normal.
    """
    if result.n_anomalous is None:
        return ""
    scored = count(result.protocol.n_scored)
    text = f"{count(result.n_anomalous)} of {scored} images are anomalous."
    if not result.anomalies_seen:
        return text
    normal = ",".join(result.normal or ())
    return (
        f"{text} The model saw anomalies: it was trained on images labelled "
        f"{joined(result.anomalies_seen)} too, so these numbers do not say how well it finds what "
        f"it has never seen. For that, train it on normal images alone: "
        f"--set 'data.train_labels=[{normal}]'."
    )


def describe_verdict(result: Anomalies) -> str:
    """Say where the threshold is, and what it calls anomalous; nothing where there is none."""
    flags, score = result.verdicts, result.scores["rank_average"]
    if flags is None:
        return ""
    called = f"That is true of {count(int(flags.sum()))} of {count(len(flags))} images"
    if (truth := result.is_anomalous) is not None and 0 < truth.sum() < len(truth):
        caught, alarms = int((flags & truth).sum()), int((flags & ~truth).sum())
        called += (
            f": {count(caught)} of the {count(int(truth.sum()))} anomalous ones, and "
            f"{count(alarms)} of the {count(int((~truth).sum()))} normal ones"
        )
    is_train = result.ranked_among == "train"
    known = " The model knows these, so it calls new images anomalous more often." * is_train
    return (
        f"An image is called anomalous where its rank average is above {number(score.threshold, 3)}"
        f", as at most {percent(result.settings.false_alarms)} of the {_ranked(result)} "
        f"are.{known} {called}."
    )


def _ranked(result: Anomalies) -> str:
    """Count the examples among whose scores the others are ranked."""
    part = "training" if result.ranked_among == "train" else "validation"
    return f"{count(result.n_ranked)} {part} examples"
