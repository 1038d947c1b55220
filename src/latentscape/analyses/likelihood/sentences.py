"""How likelihoods were estimated, and what to beware of, in sentences."""

from collections.abc import Sequence

from latentscape.analyses.likelihood.result import Binarize, Likelihood
from latentscape.core.units import count
from latentscape.reporting.likelihoods import explain_kind

_PIXELS: dict[Binarize, str] = {
    "none": "grey pixels as they are",
    "static": "pixels drawn black or white once, with the data's seed",
    "dynamic": "pixels drawn black or white with the seed of this measurement",
}


def describe_protocol(likelihood: Likelihood) -> Sequence[str]:
    """Say how a likelihood was estimated, and what it is."""
    facts = likelihood.protocol
    is_part = likelihood.settings.examples is not None
    which = {"drawn": ", drawn of each label its share", "front": ", the first ones"}
    part = which[facts.subset] if is_part else ""
    labels = ", given their true labels" if facts.is_conditional else ""
    protocol = (
        f"{count(likelihood.settings.samples)} importance samples for each of {count(facts.n)} "
        f"test images{part}{labels}; {_PIXELS[facts.binarize]}; standard error over images"
    )
    return protocol, explain_kind(facts.likelihood)


def describe_warning(likelihood: Likelihood) -> str:
    """Say that a likelihood was measured on other pixels than those of training, if it was."""
    trained_on, binarize = likelihood.protocol.trained_on, likelihood.protocol.binarize
    if trained_on == "none" and binarize != "none":
        return (
            "The model was trained on grey pixels and is measured on black and white ones: the "
            "number cannot be compared with those of models trained on black and white ones."
        )
    if trained_on != "none" and binarize == "none":
        return (
            "The model was trained on black and white pixels and is measured on grey ones: the "
            "number cannot be compared with others."
        )
    return ""
