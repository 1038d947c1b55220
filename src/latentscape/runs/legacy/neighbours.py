"""The training images nearest to test images."""

from latentscape.core.findings import Json
from latentscape.core.records import Array
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.legacy.skips import Sentence, read_skips

_SENTENCES = (
    Sentence("no_labels", "(?P<item>Agreement was) left out: the data have no labels"),
    Sentence(
        "no_distance",
        r"The codes of (?P<codes>.+) are all the same: the encoder has collapsed, so none is "
        "nearer than another",
    ),
)


def neighbours(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``neighbours``."""
    if not (values := findings.values.get("neighbours")):
        return None
    agreement = values["agreement"]
    sizes = findings.values["data"]["sizes"]
    return {
        "protocol": {
            "fitted_on": "train",
            "n_fitted": sizes["train"],
            "scored_on": "test",
            "n_scored": values["n"],
            "labels": "scoring",
        },
        "skipped": read_skips(values["left_out"], _SENTENCES),
        "k": values["k"],
        "agreement_latent": agreement.get("latent"),
        "agreement_pixels": agreement.get("pixels"),
        "queries": findings.arrays["neighbour_queries"],
        "query_labels": findings.arrays["neighbour_labels"],
        "latent": _nearest(findings, "latent"),
        "pixels": _nearest(findings, "pixels"),
    }


def _nearest(findings: LegacyFindings, space: str) -> dict[str, Array] | None:
    images = findings.arrays.get(f"neighbours_{space}")
    if images is None:
        return None
    return {"images": images, "labels": findings.arrays[f"neighbours_{space}_labels"]}
