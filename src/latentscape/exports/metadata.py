"""What is written into an exported file beside the model."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from torch import Tensor

from latentscape.config import Recipe, override
from latentscape.core.findings import Json
from latentscape.core.records import Split
from latentscape.data import source_names
from latentscape.evaluation.reconstruction import measure_errors
from latentscape.exports.submodels import Submodel
from latentscape.exports.target import Target
from latentscape.inference.codec import reconstruct_with
from latentscape.model import Network
from latentscape.runs import SCHEMA

PERCENTILES = (95, 99)

MAX_MEASURED = 10_000
"""Largest number of examples that thresholds are taken from."""

_AXES = {1: (), 2: ("values",), 4: ("channels", "height", "width")}


def describe_model(
    model: Network, split: Split | None, recipe: Recipe, label_names: Sequence[str] = ()
) -> Json:
    """Say what a model is.

    Returns
    -------
    dict
        ``schema`` of the model file, version of ``latentscape``, ``recipe`` as everybody may see
        it, ``label_names``, ``thresholds``, which need the examples of the split.
    """
    public = public_recipe(recipe, split.dataset.name if split else Path(recipe.data.source).stem)
    names = split.dataset.label_names if split else label_names
    return {
        "schema": SCHEMA,
        "latentscape": version("latentscape"),
        "recipe": public.model_dump(mode="json", exclude_none=True),
        "label_names": list(names),
        "thresholds": _thresholds(model, split) if split else None,
    }


def public_recipe(recipe: Recipe, data_name: str) -> Recipe:
    """Return a recipe without paths: nobody else needs to know where the data lie.

    Parameters
    ----------
    recipe : Recipe
        It is not changed.
    data_name : str
        Name of its data, which takes the place of ``data.source`` unless that is a name anyone can
        load them by. ``data.labels`` is left out where it is a file, and not a column.
    """
    source, labels = recipe.data.source, recipe.data.labels
    is_file = labels is not None and (labels.endswith(".npy") or not {"/", "\\"}.isdisjoint(labels))
    return override(
        recipe,
        {
            "data.source": source if source in source_names() else data_name,
            "data.labels": None if is_file else labels,
        },
    )


def describe_submodel(submodel: Submodel, target: Target) -> Json:
    """Describe the inputs and outputs of an encoder or decoder in a format.

    Returns
    -------
    dict
        ``part``; ``inputs`` and ``outputs``, each with ``name``, ``dtype``, ``axes``, ``shape``
        (None for any number) and, of images, the ``range`` of values that stand for black and
        white.
    """
    assert submodel.model.config.input is not None
    stored = submodel.model.config.input.range
    inputs = [_tensor(name, values, stored, target) for name, values in submodel.inputs.items()]
    outputs = [_tensor(submodel.output, submodel.expected, (0.0, 1.0), target)]
    return {"part": submodel.name, "inputs": inputs, "outputs": outputs}


def _tensor(name: str, values: Tensor, value_range: tuple[float, float], target: Target) -> Json:
    axes = ("batch", *_AXES[values.dim()])
    sizes = dict(zip(axes, (None, *values.shape[1:]), strict=True))
    if target.channels_last and "channels" in sizes:
        sizes["channels"] = sizes.pop("channels")
    row = {
        "name": name,
        "dtype": target.integers if name == "labels" else str(values.numpy().dtype),
        "axes": list(sizes),
        "shape": list(sizes.values()),
    }
    return {**row, "range": list(value_range)} if name == "images" else row


def _thresholds(model: Network, split: Split) -> Json:
    """Return the errors that few examples exceed, none of which is a test example."""
    part = "validation" if len(split.validation) else "train"
    index = split.subset(part, MAX_MEASURED)
    errors = measure_errors(reconstruct_with(model), replace(split, test=index))
    thresholds = np.percentile(errors.per_pixel, PERCENTILES)
    return {
        "of": "squared error per pixel, on the scale 0 to 1",
        "part": part,
        "examples": len(index),
        "percentiles": dict(zip(map(str, PERCENTILES), thresholds.tolist(), strict=True)),
    }
