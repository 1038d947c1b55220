"""Settings that mend: where they stand in a recipe, and values rounded as people write them."""

from collections.abc import Iterator

from latentscape.config import BodyConfig, Recipe
from latentscape.doctor.diagnosis import Setting


def significant(value: float, digits: int = 1) -> float:
    """Round to so many significant digits."""
    return float(f"{value:.{digits - 1}e}")


def bodies(recipe: Recipe) -> Iterator[tuple[str, BodyConfig]]:
    """Yield the path and the settings of each body that is not another one backwards."""
    yield "model.encoder", recipe.model.encoder
    if recipe.model.decoder.kind != "mirror":
        yield "model.decoder", recipe.model.decoder


def activations_of(recipe: Recipe, kind: str) -> list[str]:
    """List the paths of the activations of a kind, that of the code included."""
    parts = [*bodies(recipe), ("model.latent", recipe.model.latent)]
    return [f"{path}.activation" for path, part in parts if _has(part, "activation", kind)]


def norms_of(recipe: Recipe, kind: str) -> dict[str, Setting]:
    """Map the paths of the normalisations of a kind to what does not look at other examples."""
    norms = {f"{path}.norm": "layer" for path, body in bodies(recipe) if _has(body, "norm", kind)}
    outputs = {
        f"{path}.output_norm": "none"
        for path, body in bodies(recipe)
        if _has(body, "output_norm", kind)
    }
    return {**norms, **outputs}


def _has(part: object, name: str, value: str) -> bool:
    return getattr(part, name, None) == value
