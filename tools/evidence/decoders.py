"""A page that holds the decoder of every recipe, untrained, and a few points."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe
from latentscape.core.records import Array, Split
from latentscape.explorer.contents import Graph, Manifest, Model, Thumbnails
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.gathering import describe_array
from latentscape.explorer.page import write_page
from latentscape.exports.submodels import Submodel, split_model
from latentscape.model import Network

POINTS = 5


def decoder_of(name: str, split: Split) -> Submodel:
    """Return the decoder of a recipe, untrained, with codes and what they decode to."""
    recipe = prepare(load_recipe(name), split)
    torch.manual_seed(0)
    return split_model(Network(recipe.model, recipe.objective).eval(), split)["decoder"]


def describe_decoder(key: str, name: str, decoder: Submodel, precision: str, size: int) -> Model:
    """Return what the page is told of a model that has a decoder and nothing else."""
    facts = {"precision": precision, "difference": 0.0, "bytes": size}
    return Model(
        key=key,
        label=name,
        run=name,
        recipe="",
        latent_dim=decoder.model.latent_dim,
        kind="",
        decoder=Graph.model_validate(facts),
    )


def write_decoders(
    models: Sequence[Model], files: Mapping[str, Any], split: Split, file: Path
) -> None:
    """Write a page of models, whose ONNX files are given as ``onnx.ModelProto`` by their keys."""
    index = split.test[:POINTS]
    assert split.dataset.labels is not None
    arrays: dict[str, Array] = {
        "labels": split.dataset.labels[index].astype(np.int32),
        "parts": np.zeros(POINTS, np.uint8),
        "rows": index.astype(np.int32),
        "m0/map/pca": np.random.default_rng(0).random((POINTS, 2), np.float32),
    }
    for key, graph in files.items():
        arrays[f"{key}/decoder"] = np.frombuffer(graph.SerializeToString(), np.uint8)
    manifest = Manifest(
        title="Every recipe",
        version="0",
        count=POINTS,
        shape=split.dataset.shape,
        range=split.dataset.value_range,
        byte_values=True,
        thumbnails=Thumbnails(shape=split.dataset.shape, reduced=False),
        part_names=("test",),
        models=tuple(models),
        arrays={name: describe_array(array) for name, array in arrays.items()},
    )
    runs: Any = {"m0": SimpleNamespace(path=file.parent / "run")}
    write_page(Exploration(manifest, arrays, split.dataset, index, {}, runs), file)
