"""How many reconstructions could be read."""

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.legacy.skips import Sentence, read_skips

_ITEM = "Legibility was"
_SENTENCES = (
    Sentence("no_labels", "Legibility was left out: .+ has no labels, .+", _ITEM),
    Sentence("one_trained_label", "Legibility was left out: .+ has only one label in .+", _ITEM),
    Sentence("untrained_labels", "No training image is labelled (?P<labels>.+): .+"),
)


def legibility(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``legibility``."""
    values = findings.values.get("legibility")
    if not values:
        return None
    return {
        "name": findings.values["label"],
        "skipped": read_skips(values["left_out"], _SENTENCES),
        "protocol": {
            "fitted_on": "train",
            "n_fitted": findings.values["data"]["sizes"]["train"],
            "scored_on": "test",
            "n_scored": values["n"],
            "labels": "training",
        },
        "reading": _reading(findings) if values["judge"] else None,
    }


def _reading(findings: LegacyFindings) -> Json:
    values, arrays = findings.values["legibility"], findings.arrays
    dim, linear = findings.values["evaluation"]["pca"]["dim"], values["pca"]
    shares = ("readable", "originals", "per_class", "readable_of_16", "originals_of_16")
    snapshots = zip(values["by_epoch"], arrays.get("legible_snapshots", ()), strict=True)
    return {
        **{key: values[key] for key in shares},
        "pca": None if linear is None else {"dim": dim, "readable": linear},
        "labels": arrays["legible_read"],
        "legible": arrays["legible"],
        "snapshots": [{**entry, "legible": legible} for entry, legible in snapshots],
    }
