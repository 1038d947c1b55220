"""The model file: weights, with all that is needed to build the network around them.

It is a safetensors file: tensors and text, so that reading it executes nothing. A recipe in it may
ask for anything, so a network of shapes alone is built first, and compared with the tensors that
are there.

Its metadata have one entry: JSON with ``schema``, ``recipe``, ``label_names``, perhaps
``estimator`` and ``data``, and ``sha256`` over the weights and the rest of the JSON.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from latentscape.config import Recipe
from latentscape.core.errors import CodeError, ConfigError, RunError, brief
from latentscape.core.fetched import local
from latentscape.core.files import write_bytes
from latentscape.core.findings import Json
from latentscape.core.randomness import forked_random
from latentscape.model import Network
from latentscape.model.likelihoods import build_likelihood
from latentscape.model.own import apart, misfit
from latentscape.runs.directory import open_run
from latentscape.runs.identity import check_model
from latentscape.runs.reading import (
    ALTERED,
    DAMAGE,
    METADATA_KEY,
    SCHEMA,
    check_schema,
    damaged,
    parse_recipe,
    read_bytes,
)

# What people take for a model file, by its first bytes.
_OTHER_FILES = {
    b"PK\x03\x04": "a zip archive, such as PyTorch, NumPy and Keras write",
    b"\x80": "a pickle, which can run any program and is not opened",
    b"\x89HDF": "an HDF5 file, such as Keras wrote",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x1f\x8b": "a gzipped file",
    b"PAR1": "a Parquet table",
    b"version https://git-lfs": "a pointer of Git LFS, in place of the file (run: git lfs pull)",
    b"<": "a page of HTML or XML",
}

_COPY = "Copy it again from where it came from, or train the run again."


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What a model file holds.

    Attributes
    ----------
    network : Network
        On the CPU, evaluating.
    recipe : Recipe
        The whole resolved recipe.
    label_names : tuple of str
        What the labels of the training data are called.
    estimator : dict
        What an estimator needs beside these, JSON-able; empty where a run was saved.
    data : str
        Fingerprint of the training data; empty in files of earlier versions and of estimators.
    """

    network: Network
    recipe: Recipe
    label_names: tuple[str, ...]
    estimator: Json
    data: str = ""


@dataclass(frozen=True, eq=False)
class StoredModel:
    """What a model file holds, without the network: see `ModelFile`.

    Attributes
    ----------
    weights : mapping of str to Tensor
        On the CPU, by their names in the network; views of the file.
    recipe, label_names, estimator, data
        As of `ModelFile`.
    """

    weights: Mapping[str, Tensor]
    recipe: Recipe
    label_names: tuple[str, ...]
    estimator: Json
    data: str


def save_model(
    path: Path,
    weights: Mapping[str, Tensor],
    recipe: Recipe,
    label_names: Iterable[str],
    estimator: Json | None = None,
    data: str = "",
) -> None:
    """Write a model file.

    Parameters
    ----------
    path : Path
        Where; conventionally ``model.safetensors``.
    weights, recipe, label_names, estimator, data
        As for `pack_model`.
    """
    write_bytes(path, pack_model(weights, recipe, label_names, estimator, data)[0])


def pack_model(
    weights: Mapping[str, Tensor],
    recipe: Recipe,
    label_names: Iterable[str],
    estimator: Json | None = None,
    data: str = "",
) -> tuple[bytes, str]:
    """Return the content of a model file, and the checksum that it states.

    Parameters
    ----------
    weights : mapping of str to Tensor
        The model's state dict.
    recipe : Recipe
        With ``model.input``: shape and scaling of the images.
    label_names : iterable of str
        What the labels of the training data are called.
    estimator : mapping, optional
        What `ModelFile` keeps of an estimator.
    data : str
        Fingerprint of the training data.
    """
    about: Json = {
        "schema": SCHEMA,
        "recipe": recipe.model_dump(mode="json", exclude_none=True),
        "label_names": list(label_names),
        **({} if estimator is None else {"estimator": dict(estimator)}),
        **({"data": data} if data else {}),
    }
    tensors = apart({name: t.detach().cpu().contiguous() for name, t in weights.items()})
    about["sha256"] = _checksum(about, tensors)
    # One entry: safetensors writes several in random order, and equal models shall be equal files.
    return save(tensors, {METADATA_KEY: json.dumps(about)}), about["sha256"]


def load_model(path: str | Path) -> Network:
    """Load a model from a run directory or a model file, on the CPU, ready for evaluation.

    Nothing in the file is executed: it holds tensors and text. A network of somebody's own is named
    in it, and imported only if its package is trusted; see `latentscape.core.trust`.

    Parameters
    ----------
    path : str or Path
        A run directory or a model file; of a URL, a copy is fetched into the cache.

    Returns
    -------
    Network
        On the CPU, evaluating.

    Raises
    ------
    RunError
        If there is no model, or the file is damaged, foreign or of a newer version.
    CodeError
        If encoder or decoder are somebody's own, and are not there or do not fit.
    """
    return read_model(path).network


def read_model(path: str | Path) -> ModelFile:
    """Read all that a model file, or that of a run directory, holds; see `load_model`."""
    stored, model = _read(Path(path), builds=True)
    assert model is not None
    network = _fill(model, stored.weights).eval()
    return ModelFile(network, stored.recipe, stored.label_names, stored.estimator, stored.data)


def read_weights(path: str | Path) -> StoredModel:
    """Read a model file, or that of a run directory, and build no network.

    Networks of somebody's own are neither imported nor needed.

    Raises
    ------
    RunError
        As for `load_model`.
    """
    return _read(Path(path), builds=False)[0]


def _read(path: Path, *, builds: bool) -> tuple[StoredModel, Network | None]:
    """Read a model file, and outline its network: where asked for, and if its layers are known."""
    path = local(path, RunError, sealed=True)
    file = open_run(path).model_file if os.path.isdir(path) else path
    if not os.path.isfile(file):
        raise RunError(
            f"There is no model at {file}",
            expected="the directory of a finished run, or a model.safetensors",
            fix="Finish a run with 'latentscape train --resume RUN'.",
        )
    text, weights = _open(file)
    about = _parse(file, text)
    recipe = parse_recipe(file, about.get("recipe"))
    named, model = weights, None
    if builds or recipe.model.is_stock:
        model = _outline(file, recipe, len(weights))
        named = model.current_names(weights)
        _check_shapes(file, named, model)
    _check_values(file, named)
    if "sha256" in about and about.pop("sha256") != _checksum(about, weights):
        raise damaged(file, ALTERED, _COPY)
    names, estimator = about.get("label_names", []), about.get("estimator", {})
    if not isinstance(names, list) or not isinstance(estimator, dict):
        raise damaged(file, "what it says beside its recipe makes no sense", _COPY)
    if file != path:
        check_model(path)
    data = str(about.get("data", ""))
    return StoredModel(named, recipe, tuple(map(str, names)), estimator, data), model


def _open(file: Path) -> tuple[str, dict[str, Tensor]]:
    """Return the metadata, and the tensors as views of the file, which take no memory yet."""
    try:
        with safe_open(file, framework="pt") as content:
            metadata = content.metadata() or {}
            weights = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, *DAMAGE) as error:
        what = _name_other(read_bytes(file, 32))
        got = f"{file} is {what or f'damaged, or no model file: {brief(error)}'}"
        fix = "" if what else _COPY
        raise RunError(got, expected="a model.safetensors of a run", fix=fix) from error
    if METADATA_KEY not in metadata:
        got = f"{file} was not written by Latentscape: it holds tensors and no recipe"
        raise RunError(got, expected="a model.safetensors of a run")
    return metadata[METADATA_KEY], weights


def _name_other(start: bytes) -> str:
    """Say what a file is that is no safetensors file; nothing if that is not easily seen."""
    if not start:
        return "empty"
    if not any(start[3:8]):
        return ""  # It begins with a length, of less than 16 MB, as a model file does.
    # The first fields of a protocol buffer: the version of ONNX's format, and who wrote it.
    if re.match(rb"\x08[\x01-\x1f][\x12:B]", start):
        return "a model in ONNX, which is exported and cannot be read back"
    return next((what for magic, what in _OTHER_FILES.items() if start.startswith(magic)), "")


def _parse(file: Path, text: str) -> Json:
    try:
        about = json.loads(text)
    except DAMAGE as error:
        raise damaged(file, f"its metadata are not JSON: {error}", _COPY) from error
    if not isinstance(about, dict):
        raise damaged(file, "its metadata are no record", _COPY)
    check_schema(file, about.get("schema"))
    return about


def _outline(file: Path, recipe: Recipe, tensors: int) -> Network:
    """Build the network of a recipe without its numbers: whatever the sizes, it takes no memory."""
    model = recipe.model
    try:
        if max(model.encoder.depth, model.decoder.depth) > tensors:
            raise ValueError(f"it asks for more layers than there are tensors, {tensors}")
        with _undisturbed(), torch.device("meta"):
            return Network(model, recipe.objective)
    except CodeError:
        raise
    except (ConfigError, *DAMAGE) as error:
        raise damaged(file, f"its recipe makes no network: {error}", _COPY) from error


def _undisturbed() -> AbstractContextManager[None]:
    """Surround what may draw: to load a model changes no random number of anybody's."""
    return forked_random(0, torch.device("cpu"))


def _check_shapes(file: Path, weights: Mapping[str, Tensor], model: Network) -> None:
    """Refuse tensors other than those of the network."""
    expected = model.state_dict()
    for name in sorted(weights.keys() | expected.keys()):
        actual, needed = (_described(tensors.get(name)) for tensors in (weights, expected))
        if actual != needed and model.is_own(name):
            raise misfit(name, weights.get(name), expected.get(name))
        if actual != needed:
            why = f"its weights do not fit its recipe: {name} is {actual}, and should be {needed}"
            raise damaged(file, why, _COPY)


def _check_values(file: Path, weights: Mapping[str, Tensor]) -> None:
    """Refuse values that no training leaves."""
    for name, tensor in weights.items():
        if not np.isfinite(tensor.numpy()).all():
            raise damaged(file, f"it holds values that are NaN or infinite, in {name}", _COPY)


def _described(tensor: Tensor | None) -> str:
    if tensor is None:
        return "missing"
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def weights_checksum(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of weights on the CPU."""
    return _checksum({}, weights)


def _checksum(about: Json, weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over the metadata, and over names, types, shapes and bytes of the weights."""
    digest = sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _fill(model: Network, weights: Mapping[str, Tensor]) -> Network:
    """Give an outline its numbers, in its own memory layout."""
    if not model.is_stock:  # Somebody's module may have numbers that are not among the weights.
        with _undisturbed():
            model = Network(model.config, model.objective.config)
        model.load_state_dict(weights)
        return model
    # The one part with numbers that are not among the weights.
    model.likelihood = build_likelihood(model.config.likelihood)
    # Copied, because views would hold on to the file.
    copies = {
        name: torch.empty_strided(like.shape, like.stride(), dtype=like.dtype).copy_(weights[name])
        for name, like in model.state_dict().items()
    }
    model.load_state_dict(copies, assign=True)
    return model
