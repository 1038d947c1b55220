"""Log-likelihoods."""

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings

_GREY_PIXELS = {
    "bernoulli": "nothing",
    "gaussian": "density",
    "continuous_bernoulli": "density",
}


def likelihood(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``likelihood``; the seed of its samples was not kept."""
    values = findings.values.get("likelihood")
    if not values:
        return None
    model = findings.values["recipe"]["model"]
    trained_on = findings.values["recipe"]["data"]["binarize"]
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
            "grey_pixels": _GREY_PIXELS.get(model["likelihood"]["kind"], "probability"),
        },
        **{key: values[key] for key in ("nll", "se", "bits_per_dim")},
    }
