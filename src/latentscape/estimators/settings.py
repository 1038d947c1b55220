"""The parameters of an estimator, as a recipe."""

from pathlib import Path

from numpy.typing import ArrayLike

from latentscape.api.preparing import resolve
from latentscape.config import SHORT_NAMES, Changes, Recipe, override
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Split
from latentscape.estimators.layout import Layout
from latentscape.model import uses_labels

_RENAMED = {"max_epochs": "epochs", "random_state": "seed", "image_shape": "shape"}
"""Parameters that are called as in scikit-learn, and the short names of their settings."""


def _path(parameter: str) -> str:
    return SHORT_NAMES[_RENAMED.get(parameter, parameter)]


PATHS = {name: _path(name) for name in ("latent_dim", "max_epochs", "batch_size", "lr")}
"""Parameters that stand for a setting of the recipe, and the path of that setting."""

_OF_A_STEP = (PATHS["batch_size"], PATHS["lr"])

_DECIDED_BY = {
    **{_path(name): name for name in ("value_range", "image_shape", "random_state")},
    "data.seed": "random_state",
    "data.validation": "validation_fraction",
}
"""Settings that `changes` may not have, and the parameter that decides each."""


_DATA = ("data.binarize", "data.store")
"""Settings of the data that `changes` may have."""

SMALLEST_IMAGE = 16
"""Height and width from which on an image is one for convolutions, in pixels."""


def choose_recipe(layout: Layout) -> str:
    """Return the recipe for data of a layout, where none is asked for."""
    _, *sides = layout.network_shape
    return "conv-bn" if sides and min(sides) >= SMALLEST_IMAGE else "simple-20"


def resolve_recipe(
    recipe: str | Path | Recipe,
    settings: Changes,
    changes: Changes,
    validation_fraction: float,
    seed: int,
    split: Split | None = None,
) -> Recipe:
    """Apply the parameters of an estimator to a recipe.

    Parameters
    ----------
    recipe : str, Path or Recipe
        As `Autoencoder` takes it.
    settings, changes : mapping
        Dotted path to value: of the parameters in `PATHS` that are set, and of all else.
    validation_fraction : float
        Share of X that is held out.
    seed : int
        Seed of everything random.
    split : Split, optional
        Its examples are what training is fitted to; by default it is as published.

    Raises
    ------
    ConfigError
        If there is no such recipe or setting, the recipe is conditioned on labels, or `changes`
        has a setting that a parameter decides or that an estimator does not use.
    """
    _check_changes(settings, changes)
    if not 0 <= validation_fraction < 1:
        raise ConfigError(
            f"validation_fraction is {validation_fraction}", expected="0 or more, below 1"
        )
    decided = {
        "data.source": "X",
        "data.labels": None,
        "data.validation": validation_fraction,
        "data.seed": seed,
        "train.seed": seed,
        "train.snapshots": (),
    }
    recipe = resolve(recipe, {**settings, **changes, **decided}, split=split)
    refuse_condition(recipe)
    return recipe


def for_streaming(recipe: Recipe, settings: Changes) -> Recipe:
    """Return the recipe so far for one more epoch; of the settings, batch size and rate apply.

    A ConfigError if it trains with labels.
    """
    if uses_labels(recipe.model, recipe.objective):
        raise ConfigError(
            f"The recipe {recipe.name} trains with labels, and one X need not have all of them",
            fix="Use fit.",
        )
    step = {path: settings[path] for path in _OF_A_STEP if path in settings}
    if recipe.published is not None:  # A constant rate has to be lower than one that falls to zero.
        step = {"train.lr": recipe.published.train.lr, **step}
    return override(recipe, {**step, "train.patience": None, "train.average": None})


def labels_for(recipe: Recipe, y: ArrayLike | None) -> ArrayLike | None:
    """Return y if the recipe trains with labels, and refuse None then; otherwise return None."""
    if not uses_labels(recipe.model, recipe.objective):
        return None
    if y is None:
        raise DataError(
            f"The recipe {recipe.name} trains with labels, and y is None",
            fix="Give y as well, as in fit(X, y).",
        )
    return y


def refuse_condition(recipe: Recipe) -> None:
    """Refuse a recipe that needs labels to encode."""
    if recipe.model.condition:
        raise ConfigError(
            f"The recipe {recipe.name} is conditioned on labels, and transform has no labels",
            fix="Choose another recipe, or use latentscape.train and latentscape.load.",
        )


def check_layout(recipe: Recipe, layout: Layout) -> None:
    """Refuse convolutions over plain vectors."""
    if recipe.model.encoder.takes_images and len(layout.network_shape) == 1:
        raise DataError(
            f"X holds vectors of {layout.network_shape[0]} numbers, and the recipe {recipe.name} "
            "is convolutional",
            expected="images",
            fix="Set image_shape=(height, width), or choose a fully connected recipe, such as "
            "simple-20.",
        )


def _check_changes(settings: Changes, changes: Changes) -> None:
    """Refuse changes that have no effect, or that contradict a parameter."""
    decided_by = {**_DECIDED_BY, **{path: n for n, path in PATHS.items() if path in settings}}
    for path in changes:
        if path in decided_by:
            raise ConfigError(
                f"changes has {path}", fix=f"Use the parameter {decided_by[path]} instead."
            )
        if path == "train.snapshots" or (path.startswith("data.") and path not in _DATA):
            raise ConfigError(
                f"changes has {path}, which means nothing to an estimator", fix="Remove it."
            )
