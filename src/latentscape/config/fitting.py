"""Training that is fitted to the data at hand: a budget of steps, from the number of examples.

Recipes say how their origins trained: on 20,000 to 60,000 images, in batches of up to 256. On a
tenth of the images as many epochs are a tenth of the steps, which leaves many models worse than the
mean image. On all of them `simple-20` is as good in a third of the steps. One rule does both;
docs/guide/recipes.md states it, and benchmarks/TRIED.md what was measured.
"""

import math
from collections.abc import Collection, Iterator
from functools import reduce
from typing import Any

from latentscape.config.parts import Changes, Part
from latentscape.config.reading import load_recipe, override, recipe_names
from latentscape.config.recipe import Published, Recipe
from latentscape.config.training import TrainConfig

STEPS = 1500
"""The budget: so many steps are enough for every recipe that comes with Latentscape."""

MAX_EPOCHS = 50
"""Nobody learns more from a few dozen images by seeing them more often."""

ENOUGH = 10_000
"""Training examples from which on batch and epochs stay as published, if that makes `STEPS`."""

BATCHES_PER_EPOCH = 40
MIN_BATCH, MAX_BATCH = 8, 64

RATE = 3.0
"""Times the published learning rate: more than a constant rate could be, as it falls to zero."""

AVERAGED_RATE = 4.0
"""The same, where the model is an average of the weights."""

NUMBERS = 784
"""In an example of MNIST, which recipes were published for."""

WARMUP = 0.05
"""Share of `STEPS` over which the learning rate first rises."""

AVERAGE = {"decay": 0.9995, "every": 8}
"""Of the weights, where there are many steps: a high rate pays long before it has fallen."""


def fit_training(
    recipe: Recipe, changes: Changes, *, examples: int, held_out: int, numbers: int
) -> Recipe:
    """Fit the training of a recipe to the number of examples, but for what the user has set.

    It has a multiple of its learning rate, which rises at first and falls to zero as a cosine, from
    initial weights that are scaled on training images. The weights of the epoch with the lowest
    validation loss are kept; those of the last one, where an adversary makes losses of different
    epochs incomparable.

    With `ENOUGH` examples, and where it makes `STEPS` steps of them, a recipe keeps its batches and
    its epochs, and the model is a moving average of the weights; but a recipe that has a schedule
    of its own, or an adversary, is trained as published: its rates were tuned together. Otherwise
    it is trained for `STEPS` steps, but `MAX_EPOCHS` epochs at most, in batches of a fortieth of
    the examples. What a recipe counts in epochs keeps its share of the training.

    Recipes were published for `NUMBERS` numbers in an example. With more of them, the learning rate
    is divided by how many times more, where the units of the encoder sum over all of them: Adam
    moves each weight by about the rate, and such a sum by as much for each number. Convolutions sum
    over a window; with these it is divided by the square root of that.
    With fewer, a weight of the rate above 1 falls in proportion, but not below 1, because the
    reconstruction is a sum over fewer terms (the normalised beta of Higgins et al. 2017).

    Parameters
    ----------
    recipe : Recipe
        As published.
    changes : mapping
        Dotted path to value: what the user has set. It is kept. So is what a recipe that does not
        come with Latentscape says itself.
    examples, held_out : int
        In the training and in the validation part; without the latter the last weights are kept.
    numbers : int
        In an example.

    Returns
    -------
    Recipe
        With `Recipe.published`, if anything has been fitted. The recipe of a run stays as it is;
        but where its training was fitted, all that it counts in epochs follows their number.
    """
    if recipe.model.input is not None:
        return _changed_again(recipe, changes)
    shipped = load_recipe(recipe.name) if recipe.name in recipe_names() else None
    own = {*changes, *(_said(recipe) if shipped is None else _differing(recipe, shipped))}
    recipe = override(recipe, changes)
    published = shipped or recipe
    is_enough = examples >= ENOUGH and published.train.steps(examples) >= STEPS
    if is_enough and _is_tuned(published):
        return recipe
    train = recipe.train if is_enough else _fitted_steps(recipe, examples, own)
    scale = train.epochs / published.train.epochs
    rate = AVERAGED_RATE if is_enough else RATE
    values = dict(_fitted_values(recipe, train, scale, numbers / NUMBERS, rate))
    if is_enough:
        values["train.average"] = AVERAGE
        warmup = WARMUP * STEPS / train.steps_per_epoch(examples)
        values["train.schedule"]["warmup"] = min(warmup, train.epochs / 5)
    fitted = {path: value for path, value in values.items() if not _is_set(path, own)}
    # Another adversary measures each epoch, so that the lowest loss is not the best epoch's.
    compares = not recipe.objective.is_adversarial
    if held_out and compares and "train.patience" not in own:
        fitted["train.patience"] = train.epochs
    record = Published(examples=examples, train=recipe.train, objective=recipe.objective)
    return override(recipe, fitted).model_copy(update={"published": record})


def _is_tuned(recipe: Recipe) -> bool:
    """Whether a recipe was published with rates that depend on each other or on the epoch."""
    return recipe.train.schedule.kind != "constant" or recipe.objective.is_adversarial


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return a recipe of another length: all that it counts in epochs keeps its share of them."""
    train, scale = recipe.train, epochs / recipe.train.epochs
    if scale == 1:
        return recipe
    changes: dict[str, object] = {"train.epochs": epochs, **dict(_counted_in_epochs(recipe, scale))}
    if train.patience is not None:
        changes["train.patience"] = max(1, round(scale * train.patience))
    if train.schedule.warmup:
        changes["train.schedule.warmup"] = scale * train.schedule.warmup
    if train.schedule.counts_epochs:
        changes["train.schedule.every"] = max(1, round(scale * train.schedule.every))
    return override(recipe, changes)


def choose_batch_size(examples: int) -> int:
    """Return a fortieth of the examples, as a power of two between `MIN_BATCH` and `MAX_BATCH`."""
    size = 1 << max(1, examples // BATCHES_PER_EPOCH).bit_length() - 1
    return min(max(size, MIN_BATCH), MAX_BATCH)


def _fitted_steps(recipe: Recipe, examples: int, own: Collection[str]) -> TrainConfig:
    """Return batch size and epochs that make the budget, as far as they have not been set."""
    train = recipe.train
    if not _is_set("train.batch_size", own):
        size = max(choose_batch_size(examples), 2 * train.shards)
        train = train.model_copy(update={"batch_size": size})
    if not _is_set("train.epochs", own):
        needed = math.ceil(STEPS / train.steps_per_epoch(examples))
        train = train.model_copy(update={"epochs": min(needed, MAX_EPOCHS)})
    return train


def _fitted_values(
    recipe: Recipe, train: TrainConfig, scale: float, size: float, rate: float
) -> Iterator[tuple[str, Any]]:
    """Yield all that the rule sets, by dotted paths.

    `scale` is that of epochs, `size` that of examples, and `rate` that of learning rates, all
    relative to what was published.
    """
    yield "train.batch_size", train.batch_size
    yield "train.epochs", train.epochs
    rate /= _slowdown(recipe, size)
    yield "train.lr", rate * train.lr
    for name, player in train.players.items():
        if player.lr is not None:
            yield f"train.players.{name}.lr", rate * player.lr
    yield "train.schedule", {"kind": "cosine", "warmup": WARMUP * train.epochs}
    yield "model.init", {**recipe.model.init.model_dump(), "data_dependent": True}
    objective = recipe.objective
    if (weight := objective.weights.get("rate", 1.0)) > 1:
        yield "objective.weights.rate", max(1.0, weight * min(1.0, size))
    yield from _counted_in_epochs(recipe, scale)


def _counted_in_epochs(recipe: Recipe, scale: float) -> Iterator[tuple[str, Any]]:
    """Yield what a recipe counts in epochs, beside its schedule and its patience, for others."""
    train, objective = recipe.train, recipe.objective
    if objective.rate_warmup:
        yield "objective.rate_warmup", objective.rate_warmup * scale
    if "capacity" in objective.weights:
        yield "objective.capacity.epochs", objective.capacity.epochs * scale
    if objective.first_samples is not None:
        yield "objective.first_samples.epochs", objective.first_samples.epochs * scale
    if train.average is not None:
        yield "train.average.start", train.average.start * scale
    yield "train.snapshots", sorted({max(1, round(epoch * scale)) for epoch in train.snapshots})


def _changed_again(recipe: Recipe, changes: Changes) -> Recipe:
    """Return the recipe of a run with changes made."""
    changed = override(recipe, changes)
    if recipe.published is None:
        return changed
    return override(with_epochs(recipe, changed.train.epochs), changes)


def _slowdown(recipe: Recipe, size: float) -> float:
    """Return what learning rates are divided by, for examples of more numbers than published."""
    has_windows = recipe.model.encoder.takes_images
    return max(1.0, math.sqrt(size) if has_windows else size)


_PATHS = (
    "train.batch_size",
    "train.epochs",
    "train.lr",
    "train.players",
    "train.schedule",
    "train.patience",
    "train.snapshots",
    "train.average",
    "model.init",
    "objective.weights.rate",
    "objective.rate_warmup",
    "objective.capacity.epochs",
    "objective.first_samples.epochs",
)
"""Everything that the rule may set."""


def _said(recipe: Recipe) -> set[str]:
    """Return what a recipe says itself, of all that the rule may set."""
    return {path for path in _PATHS if _is_said(recipe, path)}


def _differing(recipe: Recipe, shipped: Recipe) -> set[str]:
    """Return where a recipe is not as it comes with Latentscape, of all that the rule may set."""
    return {path for path in _PATHS if _value(recipe, path) != _value(shipped, path)}


def _is_said(recipe: Recipe, path: str) -> bool:
    part: Any = recipe
    for name in path.split("."):
        said = part.model_fields_set if isinstance(part, Part) else part or ()
        if name not in said:
            return False
        part = _member(part, name)
    return True


def _value(recipe: Recipe, path: str) -> Any:
    return reduce(_member, path.split("."), recipe)


def _member(part: Any, name: str) -> Any:
    return part.get(name) if isinstance(part, dict) else getattr(part, name, None)


def _is_set(path: str, own: Collection[str]) -> bool:
    """Whether a setting, what it is part of, or a part of it is among settings."""
    return any(
        path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")
        for other in own
    )
