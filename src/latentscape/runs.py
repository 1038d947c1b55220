"""The run directory and the model file: written atomically, read without executing anything.

::

    runs/<name>/
        recipe.yaml  environment.json  data.json  history.jsonl  events.jsonl
        model.safetensors  checkpoint/  snapshots/  findings.json  findings.npz  report.html
"""

import io
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
import yaml
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from latentscape.config import Recipe, validate
from latentscape.errors import ConfigError, RunError
from latentscape.files import cannot_write, write_bytes, write_json, write_text
from latentscape.model import Network
from latentscape.records import Array, Findings

SCHEMA = 1
"""Version of the model file, of checkpoints and of findings; others are refused."""

METADATA_KEY = "latentscape"
"""The one entry of a model file's metadata: JSON with ``schema``, ``recipe``, ``label_names``."""


@dataclass(frozen=True)
class Run:
    """A run directory.

    Attributes
    ----------
    path : Path
        The directory.
    """

    path: Path

    @property
    def name(self) -> str:
        """Name of the run: that of its directory."""
        return self.path.name

    @property
    def finished(self) -> bool:
        """Whether training came to its end."""
        return self.model_file.exists()

    @property
    def model_file(self) -> Path:
        """Where the trained model stands."""
        return self.path / "model.safetensors"

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints stand."""
        return self.path / "checkpoint"

    @property
    def snapshots(self) -> Path:
        """Where the reconstructions of single epochs stand."""
        return self.path / "snapshots"

    @property
    def recipe(self) -> Recipe:
        """The whole resolved recipe."""
        file = self.path / "recipe.yaml"
        try:
            content = yaml.safe_load(_read(file).decode())
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise RunError(f"{file} is not YAML: {error}") from error
        return validate(Recipe, content, f"recipe {file}")

    @property
    def data(self) -> dict[str, Any]:
        """Source, fingerprint, shape, split sizes and seed of the data."""
        return dict(_read_json(self.path / "data.json"))

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, machine, git commit and command."""
        return dict(_read_json(self.path / "environment.json"))

    @property
    def history(self) -> list[dict[str, Any]]:
        """A record per epoch: losses, learning rate, seconds."""
        return _read_lines(self.path / "history.jsonl")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What went wrong and was mended in training, such as roll-backs."""
        return _read_lines(self.path / "events.jsonl")

    @property
    def fingerprint(self) -> str:
        """Equal for two runs of the same settings on the same data."""
        data = self.data
        if "fingerprint" not in data:
            raise RunError(f"{self.path / 'data.json'} is damaged: it has no fingerprint")
        return self.recipe.fingerprint(data["fingerprint"])

    def write_log(
        self, history: Iterable[dict[str, Any]], events: Iterable[dict[str, Any]]
    ) -> None:
        """Replace history.jsonl, and events.jsonl where there are events."""
        _write_lines(self.path / "history.jsonl", history)
        if events:
            _write_lines(self.path / "events.jsonl", events)


def create_run(
    path: Path,
    recipe: Recipe,
    data: Mapping[str, Any],
    environment: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> Run:
    """Make a run directory and write what is known before training.

    Parameters
    ----------
    path : Path
        The directory to make.
    recipe : Recipe
        The resolved recipe, ``model.input`` included.
    data, environment : mapping
        Content of data.json and environment.json.
    overwrite : bool
        Whether a run of that name may be removed first.

    Raises
    ------
    RunError
        If the directory holds something already, or cannot be written.
    """
    _check_free(path, overwrite)
    content = recipe.model_dump(mode="json", exclude_none=True)
    # Under another name until it is whole, so that a kill leaves a run or nothing.
    building = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    try:
        write_json(building / "data.json", data)
        write_json(building / "environment.json", environment)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        write_text(building / "recipe.yaml", text)
        _replace_folder(path, building)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return Run(path)


def open_run(path: str | Path) -> Run:
    """Open a run directory.

    Parameters
    ----------
    path : str or Path
        The directory.

    Returns
    -------
    Run
        The run, whether finished or not.

    Raises
    ------
    RunError
        If there is none at `path`.
    """
    path = Path(path)
    if not (path / "recipe.yaml").is_file():
        folder = path if path.is_dir() else path.parent
        near = [str(run.path) for run in [*list_runs(folder), *list_runs(path.parent / "runs")]][:8]
        raise RunError(
            f"{path} is not a run",
            expected="a directory that 'latentscape train' or 'latentscape compare' has made",
            fix=f"Some that are: {', '.join(near)}." if near else "",
        )
    return Run(path)


def list_runs(folder: Path) -> list[Run]:
    """List the runs in a folder, by name; none where the folder does not exist."""
    files = sorted(folder.glob("*/recipe.yaml"))
    return [Run(file.parent) for file in files if not file.parent.name.startswith(".")]


def save_model(
    path: Path, weights: Mapping[str, Tensor], recipe: Recipe, label_names: Iterable[str]
) -> None:
    """Write a model file: weights, with the recipe and the schema version as metadata.

    Parameters
    ----------
    path : Path
        Where; conventionally ``model.safetensors``.
    weights : mapping of str to Tensor
        The model's state dict.
    recipe : Recipe
        With ``model.input``: shape and scaling of the images.
    label_names : iterable of str
        What the labels of the training data are called.
    """
    metadata = {
        "schema": SCHEMA,
        "recipe": recipe.model_dump(mode="json", exclude_none=True),
        "label_names": list(label_names),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    # One entry: safetensors writes several in random order, and equal models shall be equal files.
    write_bytes(path, save(tensors, {METADATA_KEY: json.dumps(metadata)}))


def load_model(path: str | Path) -> Network:
    """Load a model from a run directory or a model file, on the CPU, ready for evaluation.

    Nothing in the file is executed: it holds tensors and text.

    Parameters
    ----------
    path : str or Path
        A run directory or a model file.

    Returns
    -------
    Network
        On the CPU, evaluating.

    Raises
    ------
    RunError
        If there is no model, or the file is damaged, foreign or of a newer version.
    """
    path = Path(path)
    file = open_run(path).model_file if path.is_dir() else path
    if not file.is_file():
        raise RunError(
            f"There is no model at {file}",
            fix="Finish the run with 'latentscape train --resume RUN'.",
        )
    try:
        with safe_open(file, framework="pt") as content:
            metadata = content.metadata() or {}
            weights = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise RunError(
            f"{file} is damaged or not a model file: {error}", expected="a safetensors file"
        ) from error
    return _build_model(file, metadata, weights)


def write_findings(folder: Path, findings: Findings) -> None:
    """Write findings.json and findings.npz."""
    if findings.arrays:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **findings.arrays)
        write_bytes(folder / "findings.npz", buffer.getvalue())
    write_json(folder / "findings.json", findings.values)


def read_findings(folder: Path) -> Findings:
    """Read what `write_findings` wrote.

    Parameters
    ----------
    folder : Path
        Of a run or a study.

    Raises
    ------
    RunError
        If a file is missing, damaged or of another version.
    """
    values = dict(_read_json(folder / "findings.json"))
    _check_schema(folder / "findings.json", values.get("schema"))
    file = folder / "findings.npz"
    if not file.exists():
        return Findings(values)
    try:
        with np.load(io.BytesIO(_read(file)), allow_pickle=False) as content:
            arrays: dict[str, Array] = {name: content[name] for name in content.files}
    except (BadZipFile, ValueError, OSError) as error:
        raise RunError(
            f"{file} is damaged: {error}", fix="Run 'latentscape evaluate RUN' again."
        ) from error
    return Findings(values, arrays)


def _check_free(path: Path, overwrite: bool) -> None:
    try:
        taken = path.exists() and not (path.is_dir() and not any(path.iterdir()))
        is_run = (path / "recipe.yaml").exists()
    except OSError as error:
        raise cannot_write(path, error) from error
    if not taken or (is_run and overwrite):
        return
    fix = "Give another --name."
    if is_run:
        fix = "Give another --name, replace it with --overwrite, or --resume it as it was begun."
    raise RunError(f"{path} exists already", fix=fix)


def _replace_folder(path: Path, new: Path) -> None:
    """Put a folder into the place of another, which is removed only once the new one stands."""
    if not path.exists():
        new.rename(path)
        return
    old = path.with_name(f"{new.name}-old")
    path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _build_model(file: Path, metadata: Mapping[str, str], weights: Mapping[str, Tensor]) -> Network:
    if METADATA_KEY not in metadata:
        expected = "a model.safetensors of a run"
        raise RunError(f"{file} was not written by Latentscape", expected=expected)
    try:
        content = json.loads(metadata[METADATA_KEY])
        _check_schema(file, content["schema"])
        recipe = validate(Recipe, content["recipe"], f"recipe in {file}")
        model = Network(recipe.model, recipe.objective)
        model.load_state_dict(dict(weights))
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise RunError(f"{file} is damaged, its recipe does not fit it: {error}") from error
    return model.eval()


def _check_schema(file: Path, schema: int | None) -> None:
    if schema != SCHEMA:
        raise RunError(
            f"{file} has schema version {schema}",
            expected=f"version {SCHEMA}",
            fix="Read it with the version of Latentscape that wrote it, or a newer one.",
        )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror or error}") from error


def _read_json(file: Path) -> Any:
    try:
        return json.loads(_read(file))
    except ValueError as error:
        raise RunError(f"{file} is damaged: {error}", expected="JSON") from error


def _read_lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    try:
        return [json.loads(line) for line in _read(file).splitlines()]
    except ValueError as error:
        raise RunError(
            f"{file} is damaged: {error}", expected="one JSON record per line"
        ) from error


def _write_lines(file: Path, records: Iterable[dict[str, Any]]) -> None:
    write_text(file, "".join(json.dumps(record) + "\n" for record in records))
