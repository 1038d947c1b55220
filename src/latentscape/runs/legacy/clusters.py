"""Clusters, as version 0.1.0 kept them."""

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.legacy.skips import Sentence, read_skips

_SENTENCES = (
    Sentence(
        "same_codes",
        r"The codes of (?P<codes>.+) are all the same: the encoder has collapsed, and there is "
        "nothing to cluster",
        "Clusters were",
    ),
    Sentence(
        "few_examples",
        r"Clusters were left out: of (?P<examples>[\d,]+) examples there are too few to fit them "
        "to",
        "Clusters were",
    ),
    Sentence("no_labels", r"(?P<item>Accuracy, .+) left out: there are no labels"),
    Sentence("one_label", r"(?P<item>Accuracy, .+) left out: there is only one label among .+"),
    Sentence(
        "few_different_examples",
        r"(?P<item>.+) left out: it needs at least (?P<least>[\d,]+) different examples to fit to, "
        r"and got (?P<examples>[\d,]+)",
    ),
    Sentence(
        "empty_clusters",
        r"(?P<item>.+) filled only (?P<filled>\d+) of (?P<k>\d+) clusters, .+",
    ),
)

_PICTURES = {
    "test_clusters": "cluster_of_codes",
    "means": "cluster_means",
    "nearest": "cluster_nearest",
    "farthest": "cluster_farthest",
}


def clusters(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``clustering``; None where there is none."""
    values = findings.values.get("clustering")
    if not values:
        return None
    rows = [_row(row) for row in values["rows"]]
    if "cluster_of_codes" in findings.arrays:
        for partition in rows[0]["partitions"]:
            if partition["method"] == "kmeans":
                partition["pictures"] = findings.named(**_PICTURES)
    return {
        "settings": values.get("settings", {}),
        "label_names": findings.values["data"]["label_names"],
        "rows": rows,
    }


def _row(row: Json) -> Json:
    is_whole = row["fit"] == "all"
    return {
        "name": row["name"],
        "kind": row["kind"],
        "dim": row["dim"],
        "protocol": {
            "fitted_on": row["fit"],
            "n_fitted": row["n_fit"],
            "scored_on": "all" if is_whole else "test",
            "n_scored": row["n_scored"],
            "labels": "scoring" if "One to one:" in row["protocol"] else "none",
        },
        "k": row["k"],
        "choice": row["chosen"],
        "partitions": [_partition(name, values) for name, values in row["methods"].items()],
        "skipped": read_skips(row["left_out"], _SENTENCES),
    }


def _partition(method: str, values: Json) -> Json:
    scores = ("majority", "hungarian", "nmi", "ari", "majority_labels", "confusion")
    is_scored = values["majority"] is not None
    return {
        "method": method,
        "k": values["k"],
        "choice": values.get("chosen"),
        "sizes": values["sizes"],
        "silhouette": values["silhouette"],
        "n_fitted": values["n_fit"],
        "seconds": values["seconds"],
        "agreement": {key: values[key] for key in scores} if is_scored else None,
    }
