"""Findings of earlier versions, completed: the kind of likelihood follows from the recipe."""

from latentscape.config import LikelihoodKind, Recipe
from latentscape.core.findings import Json


def complete(part: str, content: Json, recipe: Recipe) -> Json:
    """Add to the content of a part what earlier versions did not keep.

    Parameters
    ----------
    part : str
        Name of the part.
    content : mapping
        Its JSON. What does not fit is left for the check of its type.
    recipe : Recipe
        That of the run.
    """
    if part == "latent" and "likelihood" not in content:
        return complete_latent(content, _kind(recipe, recipe.data.binarize))
    if part == "likelihood":
        return _complete_likelihood(content, recipe)
    return content


def complete_latent(content: Json, kind: LikelihoodKind) -> Json:
    """Add the kind of likelihood, and leave out bits where the likelihood is no probability."""
    bits = content.get("bits_per_dim") if kind.of == "probability" else None
    return {**content, "likelihood": kind.model_dump(), "bits_per_dim": bits, "levels": kind.levels}


def _complete_likelihood(content: Json, recipe: Recipe) -> Json:
    protocol = content.get("protocol")
    if not isinstance(protocol, dict) or "likelihood" in protocol:
        return content
    protocol = {key: value for key, value in protocol.items() if key != "grey_pixels"}
    kind = _kind(recipe, protocol.get("binarize"))
    bits = content.get("bits_per_dim") if kind.of == "probability" else None
    facts = {**protocol, "likelihood": kind.model_dump()}
    return {**content, "protocol": facts, "bits_per_dim": bits}


def _kind(recipe: Recipe, binarize: object) -> LikelihoodKind:
    return recipe.model.likelihood.kind_on(binary=binarize != "none")
