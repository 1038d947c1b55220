"""The parameters of an estimator, as a recipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from latentscape.config import Recipe, load_recipe, override
from latentscape.core.errors import ConfigError, DataError
from latentscape.estimators.layout import Layout
from latentscape.model import uses_labels

PATHS = {
    "latent_dim": "model.latent.dim",
    "max_epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "lr": "train.lr",
}
"""The settings of a recipe that are parameters of their own."""

_OWN = {
    "data.range": "value_range",
    "data.shape": "image_shape",
    "data.seed": "random_state",
    "data.validation": "validation_fraction",
    "train.seed": "random_state",
}
"""Settings that other parameters decide."""


def resolve_recipe(
    recipe: str | Path | Recipe,
    given: Mapping[str, Any],
    changes: Mapping[str, Any] | None,
    validation_fraction: float,
    seed: int,
) -> Recipe:
    """Return a recipe with the parameters of an estimator in it.

    Parameters
    ----------
    recipe : str, Path or Recipe
        As `Autoencoder` takes it.
    given : mapping
        The parameters named in `PATHS`; None leaves what the recipe has.
    changes : mapping or None
        Dotted path to value.
    validation_fraction : float
        Share of X that is held out.
    seed : int
        Of everything random.

    Raises
    ------
    ConfigError
        If there is no such recipe or setting, it is conditioned on labels, or `changes` names what
        a parameter decides or an estimator has no use for.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    _check_changes(given, changes or {})
    if not 0 <= validation_fraction < 1:
        raise ConfigError(
            f"validation_fraction is {validation_fraction}", expected="0 or more, below 1"
        )
    settings = {
        **{PATHS[name]: value for name, value in given.items() if value is not None},
        **(changes or {}),
        "data.source": "X",
        "data.labels": None,
        "data.validation": validation_fraction,
        "data.seed": seed,
        "train.seed": seed,
        "train.snapshots": (),
    }
    recipe = override(recipe, settings)
    refuse_condition(recipe)
    return recipe


def for_streaming(recipe: Recipe, given: Mapping[str, Any]) -> Recipe:
    """Return a recipe for one more epoch, on whatever comes.

    Parameters
    ----------
    recipe : Recipe
        What has been trained by so far.
    given : mapping
        ``batch_size`` and ``lr`` count anew; None leaves what the recipe has.

    Raises
    ------
    ConfigError
        If it trains with labels.
    """
    if uses_labels(recipe.model, recipe.objective):
        raise ConfigError(
            f"The recipe {recipe.name} trains with labels, not all of which need be in one X",
            fix="Use fit.",
        )
    changes = {PATHS[name]: given[name] for name in ("batch_size", "lr") if given[name] is not None}
    return override(recipe, {**changes, "train.patience": None})


def labels_for(recipe: Recipe, y: ArrayLike | None) -> ArrayLike | None:
    """Return y where a recipe trains with labels; no other looks at it.

    Raises
    ------
    DataError
        If it does and there are none.
    """
    if not uses_labels(recipe.model, recipe.objective):
        return None
    if y is None:
        raise DataError(
            f"The recipe {recipe.name} trains with labels, and got none", fix="Call fit(X, y)."
        )
    return y


def refuse_condition(recipe: Recipe) -> None:
    """Refuse a recipe that needs labels to encode.

    Raises
    ------
    ConfigError
        If it does.
    """
    if recipe.model.condition:
        raise ConfigError(
            f"The recipe {recipe.name} is conditioned on labels, which transform does not get",
            fix="Choose another recipe, or use latentscape.train and latentscape.load.",
        )


def check_layout(recipe: Recipe, layout: Layout) -> None:
    """Refuse to run convolutions over plain vectors.

    Raises
    ------
    DataError
        If that were so.
    """
    if recipe.model.encoder.takes_images and len(layout.seen) == 1:
        raise DataError(
            f"X holds vectors of {layout.seen[0]} numbers, and the recipe {recipe.name} is "
            "convolutional",
            expected="images",
            fix="Give their image_shape=(height, width), or choose a fully connected recipe, such "
            "as simple-20.",
        )


def _check_changes(given: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuse changes that would be ignored, or would silently win over a parameter."""
    own = {**_OWN, **{path: name for name, path in PATHS.items() if given[name] is not None}}
    for path in changes:
        if path in own:
            raise ConfigError(f"changes names {path}", fix=f"Give the parameter {own[path]} alone.")
        if path == "train.snapshots" or (path.startswith("data.") and path != "data.binarize"):
            raise ConfigError(
                f"changes names {path}, which means nothing to an estimator", fix="Leave it out."
            )
