"""From a recipe and data to the directory of a run: resolved, checked, described."""

import math
import os
import shlex
import sys
import time
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import numpy as np
import torch
from torch import nn

from latentscape.config import (
    Changes,
    DataConfig,
    InputConfig,
    Recipe,
    fit_training,
    load_recipe,
    override,
)
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.files import slug
from latentscape.core.git import git_commit
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, describe_machine
from latentscape.core.secrets import without_passwords
from latentscape.data import check_unit_range, data_name, value_limits, why_unlabelled
from latentscape.model import uses_labels
from latentscape.model.own import give, with_sources
from latentscape.runs import DataFacts, Environment, Run, create_run
from latentscape.runs.lineage import Start
from latentscape.runs.starting import EarlierModel
from latentscape.training.memory import check_network, network_to_describe


def resolve(
    recipe: str | Path | Recipe,
    changes: Changes | None,
    data: object = None,
    split: Split | None = None,
) -> Recipe:
    """Return a recipe with changes made and its data source set.

    Its training is fitted to the examples of a `split`; without one it is as published.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    extra = {} if data is None else {"data.source": data_name(data)}
    changes = {**(changes or {}), **extra}
    if split is None:
        return override(recipe, changes)
    return fit_training(
        recipe,
        changes,
        examples=len(split.train),
        held_out=len(split.validation),
        numbers=math.prod(split.dataset.shape),
    )


def own_networks(
    recipe: str | Path | Recipe | None, encoder: nn.Module | None, decoder: nn.Module | None
) -> Changes:
    """Return the changes that put networks of the user's own, objects, into a recipe.

    A decoder that would be the recipe's encoder backwards stays what it was before.

    Raises
    ------
    CodeError
        If one of them is no module, or cannot be copied.
    """
    own = give(encoder, decoder)
    changes: dict[str, object] = {
        f"model.{part}": config.model_dump(mode="json") for part, config in own.items()
    }
    if encoder is not None and decoder is None:
        assert recipe is not None
        model = resolve(recipe, None).model
        behind = model.decoder.as_decoder(model.encoder)
        changes["model.decoder"] = behind.model_dump(mode="json")
    return changes


def default_name(recipe: Recipe, split: Split, label: str | None = None) -> str:
    """Name a run after its recipe (or another label), its data and its seed."""
    return slug(f"{label or recipe.name}-{split.dataset.name}-{recipe.train.seed}")


def prepare(recipe: Recipe, split: Split) -> Recipe:
    """Fill in what the model takes, and check all that can be checked before training.

    Raises
    ------
    DataError
        If values lie outside the range that the likelihood can give a probability.
    ConfigError
        If the recipe asks for early stopping but nothing is held out for validation, or names a
        network of somebody's own that is not there or not trusted.
    """
    dataset = split.dataset
    if recipe.train.patience is not None and not len(split.validation):
        raise ConfigError(
            "train.patience is set but there are no validation examples",
            fix="Set data.validation above 0, or leave train.patience out.",
        )
    average, epochs = recipe.train.average, recipe.train.epochs
    if average is not None and average.start >= epochs:
        raise ConfigError(
            f"Weights are averaged from epoch {average.start:g} on, and there are {epochs}",
            fix=f"Lower train.average.start, or train longer: train.epochs={2 * epochs}.",
        )
    _check_batches(recipe, split)
    if recipe.model.likelihood.needs_unit_range:
        check_unit_range(dataset)
    labels = 0
    if uses_labels(recipe.model, recipe.objective):
        _check_labels(split)
        labels = len(dataset.label_names)
    input_ = InputConfig(
        shape=dataset.shape,
        range=dataset.value_range,
        labels=labels,
        limits=value_limits(dataset),
    )
    model = with_sources(recipe.model).model_copy(update={"input": input_})
    return recipe.model_copy(update={"model": model})


def start_run(
    recipe: Recipe,
    split: Split,
    path: Path,
    device: torch.device,
    *,
    threads: int | None = None,
    together: int = 1,
    earlier: EarlierModel | None = None,
    overwrite: bool = False,
) -> Run:
    """Make the directory of a run, once everything that can be checked before training is.

    It will be trained on as many threads as are given here, by default on all; as one of so many
    that are trained `together`. It begins with the weights of an earlier model, if there is one.
    """
    recipe = prepare(recipe, split)
    # What does not fit, parts, weights or memory, says so before anything is written.
    check_network(recipe, len(split.train), device)
    start = None if earlier is None else _start(earlier, recipe, path)
    environment = describe_environment(recipe, device, threads, together)
    facts = DataFacts.of(split)
    return create_run(path, recipe, facts, environment, start=start, overwrite=overwrite)


def _start(earlier: EarlierModel, recipe: Recipe, path: Path) -> Start:
    """Say which weights a run in a directory can begin with."""
    if Path(os.path.abspath(path)) in (earlier.source, earlier.source.parent):
        raise ConfigError(
            f"{path} would be replaced by a run that begins with its weights",
            fix="Give another --name.",
        )
    return earlier.start_of(network_to_describe(recipe.model, recipe.objective))


def resolve_again(recipe: Recipe, data: object = None) -> Recipe:
    """Return the recipe of a run as it was before it met its data, to be trained on others.

    Parameters
    ----------
    recipe : Recipe
        That of a run.
    data : str, Path or data in memory, optional
        The other data. What the recipe says of columns, labels and values of the old ones, and how
        many of them it takes, is left out then.
    """
    fitted = recipe.published
    train, objective = (fitted or recipe).train, (fitted or recipe).objective
    model = recipe.model.model_copy(update={"input": None})
    own = recipe.data
    if data is not None:
        kept = {"resize", "grey", "shape", "binarize", "validation", "seed"}
        own = DataConfig.model_validate(own.model_dump(include=kept))
    changes = {"data": own, "model": model, "train": train, "objective": objective}
    return recipe.model_copy(update={**changes, "published": None})


def describe_environment(
    recipe: Recipe, device: torch.device, threads: int | None = None, together: int = 1
) -> Environment:
    """Describe versions, machine and command, for the record of a run."""
    return Environment(
        latentscape=version("latentscape"),
        python=python_version(),
        torch=torch.__version__,
        numpy=np.__version__,
        git=git_commit(Path(__file__)),
        command=without_passwords(shlex.join(sys.argv)),
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        precision=choose_precision(recipe.train.precision, device),
        together=together,
        **describe_machine(device, threads),
    )


def _labels_of(split: Split) -> str:
    dataset = split.dataset
    return f"no labels{why_unlabelled(dataset)}" if dataset.labels is None else "only one"


def _check_labels(split: Split) -> None:
    """Refuse to train with labels where there are none, or only one."""
    names = split.dataset.label_names
    if split.dataset.labels is None or len(names) < 2:
        raise DataError(
            f"The recipe trains with labels, and {split.dataset.name} has {_labels_of(split)}",
            expected="data with two labels or more",
            fix="Name their column or file with --labels, or choose a recipe that needs none.",
        )


def _check_batches(recipe: Recipe, split: Split) -> None:
    """Refuse to normalise fully connected layers over a batch of one example."""
    bodies = (recipe.model.encoder, recipe.model.decoder)
    # A map has many places to average over, a vector of one example has none.
    normalised = any(body.batch_normalised and not body.takes_images for body in bodies)
    if normalised and min(recipe.train.batch_size, len(split.train)) < 2:
        raise ConfigError(
            "Batch normalisation was asked for over batches of one example",
            expected="two examples in a batch, and in the training part, at least",
            fix="Raise train.batch_size, or choose norm: layer.",
        )
