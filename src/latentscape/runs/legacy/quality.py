"""The quality of samples."""

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.legacy.run import sample_source


def quality(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``quality``; the seed of its samples was not kept."""
    values = findings.values.get("quality")
    if not values:
        return None
    judge, facts = values["classifier"], ("neighbours", "label_shares", "data_shares")
    closeness = ("frechet_distance", "precision", "recall")
    return {
        "settings": {"count": values["n"]},
        "protocol": {
            "fitted_on": "train",
            "n_fitted": judge["n_train"],
            "scored_on": "test",
            "n_scored": judge["n_test"],
            "labels": "training",
        },
        "n": values["n"],
        "source": sample_source(findings, values["source"]),
        "judge_accuracy": judge["accuracy"],
        "closeness": {key: values[key] for key in closeness},
        "reference": {key: values["reference"][key] for key in closeness},
        **{key: values[key] for key in (*facts, "label_distance", "recognised")},
    }
