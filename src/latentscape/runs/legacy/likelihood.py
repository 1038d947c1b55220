"""Log-likelihoods."""

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings


def likelihood(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``likelihood``; the seed of its samples was not kept."""
    values = findings.values.get("likelihood")
    if not values:
        return None
    model = findings.values["recipe"]["model"]
    trained_on = findings.values["recipe"]["data"]["binarize"]
    kind, bits = findings.likelihood_kind(values["binarize"]), values["bits_per_dim"]
    is_whole = values["n"] == findings.values["data"]["sizes"]["test"]
    return {
        "settings": {
            "samples": values["samples"],
            "binarize": None if values["binarize"] == trained_on else values["binarize"],
            "examples": None if is_whole else values["n"],
        },
        "protocol": {
            "n": values["n"],
            "binarize": values["binarize"],
            "trained_on": trained_on,
            "is_conditional": bool(model.get("condition")),
            "likelihood": kind.model_dump(),
        },
        "nll": values["nll"],
        "se": values["se"],
        "bits_per_dim": bits if kind.of == "probability" else None,
    }
