"""The run directory."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import yaml

from latentscape.config import Recipe
from latentscape.core.doors import Displayed, door
from latentscape.core.errors import RunError
from latentscape.core.fetched import local
from latentscape.core.files import cannot_write, write_folder, write_json, write_text
from latentscape.core.findings import Record, to_json
from latentscape.core.tables import Table
from latentscape.runs.facts import DataFacts, Environment, Epoch, Event, History
from latentscape.runs.identity import SNAPSHOTS, Identity, check_file, read_identity, write_identity
from latentscape.runs.lineage import EXTENSIONS, START, Extension, Start
from latentscape.runs.owner import Work, moved, owning
from latentscape.runs.reading import parse_recipe, read_record, read_records, read_yaml

if TYPE_CHECKING:
    from latentscape.plotting import RunPlots

_R = TypeVar("_R", bound=Record)


@dataclass(frozen=True)
class Run(Displayed):
    """A run directory.

    Attributes
    ----------
    path : Path
        The directory.
    """

    path: Path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @cached_property
    def identity(self) -> str:
        """A number that no other run has, as it was when the directory was opened."""
        return read_identity(self.path).id

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
        return self.path / SNAPSHOTS

    @property
    def recipe(self) -> Recipe:
        """The whole resolved recipe."""
        file = self.path / "recipe.yaml"
        content = read_yaml(file)
        recipe = parse_recipe(file, content)
        self._check_file(file.name, content)
        return recipe

    @property
    def data(self) -> DataFacts:
        """Source, fingerprint, shape, split sizes and seed of the data."""
        data = read_record(self.path / "data.json", DataFacts)
        self._check_file("data.json")
        return data

    @property
    def environment(self) -> Environment:
        """Versions, machine, git commit and command."""
        environment = read_record(self.path / "environment.json", Environment)
        self._check_file("environment.json")
        return environment

    @property
    def history(self) -> History:
        """Losses, learning rate and time of every epoch."""
        return History(epochs=self._log("history.jsonl", Epoch))

    @property
    def metrics(self) -> Table:
        """Errors on the test examples, those of PCA and of the mean image below them.

        Raises
        ------
        RunError
            If the run is not finished, or has not been evaluated.
        """
        table: Table = door("analyses.tables").metrics_table(self)
        return table

    @property
    def scores(self) -> Table:
        """What analyses have measured of the code, those of pixels and of PCA below it.

        Raises
        ------
        RunError
            If the run is not finished.
        """
        table: Table = door("analyses.tables").scores_table(self)
        return table

    @property
    def plot(self) -> "RunPlots":
        """Figures of Matplotlib or Plotly: ``run.plot.curves()``, ``run.plot.map()``."""
        plots: RunPlots = door("plotting").RunPlots(self)
        return plots

    @property
    def events(self) -> tuple[Event, ...]:
        """What went wrong in training, such as roll-backs."""
        return self._log("events.jsonl", Event)

    @property
    def start(self) -> Start | None:
        """The weights of another run that this one began with; None where it began anew."""
        self._check_file(START)
        file = self.path / START
        return read_record(file, Start) if file.exists() else None

    @property
    def extensions(self) -> tuple[Extension, ...]:
        """How often the run was asked for another number of epochs, the first time first."""
        return self._log(EXTENSIONS, Extension)

    @property
    def fingerprint(self) -> str:
        """Equal for two runs of the same settings on the same data, from the same start on.

        A run that was asked for another number of epochs on the way is like no other.
        """
        changes = [(extension.epoch, extension.epochs) for extension in self.extensions]
        return self._fingerprint(self.recipe, changes)

    @property
    def first_fingerprint(self) -> str:
        """The fingerprint that the run began with, which its checkpoints keep."""
        recipe = self.recipe
        for extension in self.extensions[:1]:
            recipe = extension.undone_in(recipe)
        return self._fingerprint(recipe)

    def _fingerprint(self, recipe: Recipe, changes: Sequence[tuple[int, int]] = ()) -> str:
        """Return the fingerprint of settings and data, of the start and of later changes."""
        fingerprint, start = recipe.fingerprint(self.data.fingerprint), self.start
        if start is None and not changes:
            return fingerprint
        lineage = [start and start.sha256, *changes]
        return sha256(json.dumps([fingerprint, lineage]).encode()).hexdigest()

    def write_extensions(self, extensions: Iterable[Extension]) -> None:
        """Replace extensions.jsonl."""
        with self.owned("written"):
            _write_lines(self.path / EXTENSIONS, extensions)

    def write_log(self, history: Iterable[Epoch], events: Iterable[Event]) -> None:
        """Replace history.jsonl, and events.jsonl where there are or were events."""
        file = self.path / "events.jsonl"
        with self.owned("written"):
            _write_lines(self.path / "history.jsonl", history)
            if events or file.exists():
                _write_lines(file, events)

    @contextmanager
    def owned(self, work: Work) -> Iterator[None]:
        """Own the directory; see `latentscape.runs.owner.owning`.

        Raises
        ------
        RunError
            If another process owns it; or if the run was moved, removed or replaced.
        """
        with owning(self.path, work):
            self._read_identity()
            yield

    def check_snapshots(self) -> None:
        """Refuse pictures of epochs that are not as they were at the end of training."""
        for name in self._read_identity().files:
            if name.startswith(f"{SNAPSHOTS}/"):
                self._check_file(name)

    def _log(self, name: str, kind: type[_R]) -> tuple[_R, ...]:
        records = read_records(self.path / name, kind)
        if self.finished:  # Until then it changes.
            self._check_file(name)
        return records

    def _check_file(self, name: str, content: object = None) -> None:
        check_file(self.path, name, self._read_identity(), content)

    def _read_identity(self) -> Identity:
        """Read the identity, and refuse another run than the one that was opened."""
        identity = read_identity(self.path)
        if identity.id == self.identity:
            return identity
        raise _replaced(self.path) if (self.path / "recipe.yaml").exists() else moved(self.path)


def create_run(
    path: Path,
    recipe: Recipe,
    data: DataFacts,
    environment: Environment,
    *,
    start: Start | None = None,
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
    start : Start, optional
        The weights that it begins with, if these are of another run.
    overwrite : bool
        Whether a run of that name may be removed first.

    Raises
    ------
    RunError
        If the directory holds something already, or cannot be written; or if another process owns
        the run that is to be removed.
    """
    with replacing(path, overwrite=overwrite), write_folder(path, replace=overwrite) as building:
        write_json(building / "data.json", data.model_dump(mode="json"))
        write_json(building / "environment.json", environment.model_dump(mode="json"))
        write_recipe(building / "recipe.yaml", recipe)
        if start is not None:
            write_json(building / START, to_json(start))
        identity = write_identity(building)
    run = Run(path)
    if run.identity != identity:
        raise _replaced(path)
    return run


@contextmanager
def replacing(path: Path, *, overwrite: bool = True) -> Iterator[None]:
    """Own the run that is to be replaced, if there is one.

    Raises
    ------
    RunError
        If there is something that may not be replaced; or if another process owns the run.
    """
    if _replaces_run(path, overwrite):
        with owning(path, "written"):
            yield
    else:
        yield


def write_recipe(file: Path, recipe: Recipe) -> None:
    """Write a recipe as YAML."""
    content = recipe.model_dump(mode="json", exclude_none=True)
    write_text(file, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def open_run(path: str | Path) -> Run:
    """Open a run directory.

    Parameters
    ----------
    path : str or Path
        The directory; of a URL, a copy is fetched into the cache.

    Returns
    -------
    Run
        The run, whether finished or not.

    Raises
    ------
    RunError
        If there is none at `path`.
    """
    path = local(path, RunError, sealed=True)
    # These ask nothing of the path, while pathlib raises over one that no file system takes.
    if not os.path.isfile(path / "recipe.yaml"):
        folder = path if os.path.isdir(path) else path.parent
        near = [str(run.path) for run in [*runs_in(folder), *runs_in(path.parent / "runs")]][:8]
        raise RunError(
            f"{path} is not a run",
            expected="a directory that 'latentscape train' or 'latentscape compare' has made",
            fix=f"Some that are: {', '.join(near)}." if near else "",
        )
    run = Run(path)
    _ = run.identity  # From now on it is this run that is meant, and no other in its place.
    return run


def runs_in(folder: Path) -> list[Run]:
    """List the runs in a folder, by name; none where the folder does not exist."""
    files = sorted(folder.glob("*/recipe.yaml")) if os.path.isdir(folder) else []
    return [Run(file.parent) for file in files if not file.parent.name.startswith(".")]


def _replaces_run(path: Path, overwrite: bool) -> bool:
    """Whether there is a run to replace; what else is there is left alone."""
    try:
        occupied = path.exists() and not (path.is_dir() and not any(path.iterdir()))
        is_run = (path / "recipe.yaml").exists()
    except OSError as error:
        raise cannot_write(path, error) from error
    if not occupied or (is_run and overwrite):
        return is_run
    fix = "Give another --name."
    if is_run:
        fix = "Give another --name, replace it with --overwrite, or --resume it as it was begun."
    raise RunError(f"{path} exists already", fix=fix)


def _replaced(path: Path) -> RunError:
    return RunError(
        f"{path} was replaced by another run since this process opened it",
        fix="Nothing more was written; that run is as it was.",
    )


def _write_lines(file: Path, records: Iterable[Record]) -> None:
    write_text(file, "".join(json.dumps(to_json(record)) + "\n" for record in records))
