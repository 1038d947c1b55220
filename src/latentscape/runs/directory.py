"""The run directory."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from latentscape.config import Recipe
from latentscape.core.errors import RunError
from latentscape.core.files import cannot_write, write_folder, write_json, write_text
from latentscape.core.findings import Record, to_json
from latentscape.runs.facts import DataFacts, Environment, Epoch, Event, History
from latentscape.runs.reading import read_recipe, read_record, read_records


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
        return read_recipe(self.path / "recipe.yaml")

    @property
    def data(self) -> DataFacts:
        """Source, fingerprint, shape, split sizes and seed of the data."""
        return read_record(self.path / "data.json", DataFacts)

    @property
    def environment(self) -> Environment:
        """Versions, machine, git commit and command."""
        return read_record(self.path / "environment.json", Environment)

    @property
    def history(self) -> History:
        """Losses, learning rate and time of every epoch."""
        return History(epochs=read_records(self.path / "history.jsonl", Epoch))

    @property
    def events(self) -> tuple[Event, ...]:
        """What went wrong in training, such as roll-backs."""
        return read_records(self.path / "events.jsonl", Event)

    @property
    def fingerprint(self) -> str:
        """Equal for two runs of the same settings on the same data."""
        return self.recipe.fingerprint(self.data.fingerprint)

    def write_log(self, history: Iterable[Epoch], events: Iterable[Event]) -> None:
        """Replace history.jsonl, and events.jsonl where there are events."""
        _write_lines(self.path / "history.jsonl", history)
        if events:
            _write_lines(self.path / "events.jsonl", events)


def create_run(
    path: Path,
    recipe: Recipe,
    data: DataFacts,
    environment: Environment,
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
    data, environment : DataFacts, Environment
        Content of data.json and environment.json.
    overwrite : bool
        Whether a run of that name may be removed first.

    Raises
    ------
    RunError
        If the directory holds something already, or cannot be written.
    """
    _check_free(path, overwrite)
    with write_folder(path) as building:
        write_json(building / "data.json", data.model_dump(mode="json"))
        write_json(building / "environment.json", environment.model_dump(mode="json"))
        write_recipe(building / "recipe.yaml", recipe)
    return Run(path)


def write_recipe(file: Path, recipe: Recipe) -> None:
    """Write a recipe as YAML."""
    content = recipe.model_dump(mode="json", exclude_none=True)
    write_text(file, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


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
    # These ask nothing of the path, while pathlib raises over one that no file system takes.
    if not os.path.isfile(path / "recipe.yaml"):
        folder = path if os.path.isdir(path) else path.parent
        near = [str(run.path) for run in [*list_runs(folder), *list_runs(path.parent / "runs")]][:8]
        raise RunError(
            f"{path} is not a run",
            expected="a directory that 'latentscape train' or 'latentscape compare' has made",
            fix=f"Some that are: {', '.join(near)}." if near else "",
        )
    return Run(path)


def list_runs(folder: Path) -> list[Run]:
    """List the runs in a folder, by name; none where the folder does not exist."""
    files = sorted(folder.glob("*/recipe.yaml")) if os.path.isdir(folder) else []
    return [Run(file.parent) for file in files if not file.parent.name.startswith(".")]


def _check_free(path: Path, overwrite: bool) -> None:
    try:
        occupied = path.exists() and not (path.is_dir() and not any(path.iterdir()))
        is_run = (path / "recipe.yaml").exists()
    except OSError as error:
        raise cannot_write(path, error) from error
    if not occupied or (is_run and overwrite):
        return
    fix = "Give another --name."
    if is_run:
        fix = "Give another --name, replace it with --overwrite, or --resume it as it was begun."
    raise RunError(f"{path} exists already", fix=fix)


def _write_lines(file: Path, records: Iterable[Record]) -> None:
    write_text(file, "".join(json.dumps(to_json(record)) + "\n" for record in records))
