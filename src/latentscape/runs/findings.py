"""All that is known about a finished run, read when it is asked for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn, TypeVar, cast

import numpy as np

from latentscape.config import Recipe
from latentscape.core.doors import Displayed
from latentscape.core.errors import RunError
from latentscape.core.findings import Json, Part, drop_arrays, split_arrays, to_json, warn_renamed
from latentscape.core.records import Array
from latentscape.runs.architecture import Architecture
from latentscape.runs.directory import Run
from latentscape.runs.facts import (
    DataFacts,
    Environment,
    Event,
    History,
    Supervision,
)
from latentscape.runs.legacy import (
    LegacyFindings,
    legacy_contents,
    legacy_part,
    migrate_run,
    read_legacy,
)
from latentscape.runs.lineage import Extension, Start
from latentscape.runs.store import part_names, read_contents, read_part, write_part

_P = TypeVar("_P", bound=Part)


@dataclass(frozen=True, eq=False)
class Snapshots:
    """What the model made of fixed examples, and of fixed codes, after some epochs.

    Attributes
    ----------
    epochs : tuple of int
        After which epochs.
    reconstructions : ndarray of float32
        (epochs, n, *shape).
    samples : ndarray of float32 or None
        (epochs, m, *shape) of codes drawn from the prior, where there is one.
    codes : ndarray of float32 or None
        (epochs, k, D) codes of the test examples in `examples`; None in older runs.
    examples : ndarray of int64 or None
        (k,) indices into the dataset.
    """

    epochs: tuple[int, ...]
    reconstructions: Array
    samples: Array | None
    codes: Array | None = None
    examples: Array | None = None


class RunFindings(Displayed):
    """All that is known about a finished run: each file is read once, when it is asked for.

    Parameters
    ----------
    run : Run
        The run directory.

    Raises
    ------
    RunError
        If the run is not finished; and, of every attribute, if its file is damaged.
    """

    def __init__(self, run: Run) -> None:
        if not run.finished:
            raise RunError(
                f"{run.name} is not finished", fix=f"Run: latentscape train --resume {run.path}"
            )
        self.run = run
        self._parts: dict[type[Part], Part | None] = {}

    def __repr__(self) -> str:
        return f"RunFindings(Run({str(self.run.path)!r}))"

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.run.name

    @property
    def label(self) -> str:
        """What the model is called in tables: its recipe."""
        return self.recipe.name

    @cached_property
    def recipe(self) -> Recipe:
        """The whole resolved recipe."""
        return self.run.recipe

    @cached_property
    def data(self) -> DataFacts:
        """Which data, and how they were divided."""
        return self.run.data

    @cached_property
    def environment(self) -> Environment:
        """Versions, machine and command."""
        return self.run.environment

    @cached_property
    def history(self) -> History:
        """The epochs."""
        return self.run.history

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What went wrong in training."""
        return self.run.events

    @cached_property
    def start(self) -> Start | None:
        """The weights of another run that this one began with; None where it began anew."""
        return self.run.start

    @cached_property
    def extensions(self) -> tuple[Extension, ...]:
        """How often the run was asked for another number of epochs."""
        return self.run.extensions

    @cached_property
    def snapshots(self) -> Snapshots | None:
        """Pictures of single epochs; None where none were kept."""
        return _read_snapshots(self.run)

    @property
    def supervision(self) -> Supervision:
        """Which labels training has used."""
        return Supervision.of(self.recipe)

    @property
    def architecture(self) -> Architecture:
        """The layers of the model."""
        return self.require(Architecture)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that have been measured."""
        return tuple(sorted({*self._legacy_contents(), *part_names(self.run.path)}))

    def get(self, kind: type[_P]) -> _P | None:
        """Return a part of the findings; None where it has not been measured."""
        if kind not in self._parts:
            legacy = self._legacy  # First, because a migration writes parts and then removes it.
            part = read_part(self.run.path, kind, self.recipe, self.run.identity)
            if part is None and legacy is not None:
                part = legacy_part(legacy, kind)
            self._parts[kind] = part
        return cast(_P | None, self._parts[kind])

    def require(self, kind: type[_P]) -> _P:
        """Return a part of the findings.

        Raises
        ------
        RunError
            If it has not been measured.
        """
        part = self.get(kind)
        if part is None:
            raise RunError(
                f"{self.name} has no {kind.part} among its findings",
                fix=f"Run: latentscape evaluate {self.run.path}",
            )
        return part

    @property
    def values(self) -> Json:
        """All facts as JSON: the name of version 0.1.0 for what attributes are now."""
        warn_renamed("values", "get, or to_json")
        return self.to_json()

    @property
    def arrays(self) -> NoReturn:
        """Arrays of the parts of version 0.1.0, which have fields of their own now."""
        raise AttributeError(
            f"Findings of {self.name} have no arrays of their own any more: they are fields of its "
            f"parts. Use get or require, for example require(latentscape.Evaluation)."
        )

    def to_json(self) -> Json:
        """Return all facts as JSON: those of the run, and each part under its name."""
        history, architecture = self.history, self.architecture
        return {
            "kind": "run",
            "name": self.name,
            "label": self.label,
            "recipe": self.recipe.model_dump(mode="json", exclude_none=True),
            "data": to_json(self.data),
            "environment": to_json(self.environment),
            "supervision": to_json(self.supervision),
            "history": history.records(),
            "events": [to_json(event) for event in self.events],
            "start": None if self.start is None else to_json(self.start),
            "extensions": [to_json(extension) for extension in self.extensions],
            "timing": {
                "train_seconds": history.train_seconds,
                "seconds_per_epoch": history.seconds_per_epoch,
                "images_per_second": history.images_per_second,
            },
            "parameters": architecture.parameters,
            "latent_dim": architecture.latent_dim,
            **self.contents(),
        }

    def contents(self) -> dict[str, Json]:
        """Return the facts of every part that has been measured, by its name."""
        measured = read_contents(self.run.path, self.recipe, self.run.identity)
        return {**self._legacy_contents(), **measured}

    @cached_property
    def _legacy(self) -> LegacyFindings | None:
        return read_legacy(self.run.path)

    def _legacy_contents(self) -> dict[str, Json]:
        contents = {} if self._legacy is None else legacy_contents(self._legacy)
        return {part: drop_arrays(split_arrays(content)[0]) for part, content in contents.items()}


def save_parts(run: Run, *parts: Part) -> None:
    """Write parts of the findings of a run, each in place of what stood there.

    Raises
    ------
    RunError
        If a file cannot be written; if findings of version 0.1.0 in the same run are damaged; or if
        another process trains the run, or has moved, removed or replaced it.
    """
    with run.owned("written"):
        migrate_run(run.path)
        for part in parts:
            write_part(run.path, part, run.identity)


def _read_snapshots(run: Run) -> Snapshots | None:
    run.check_snapshots()
    files = sorted(run.snapshots.glob("epoch-*.npy"))
    if not files:
        return None
    codes = _of_all(files, "codes")
    examples = run.snapshots / "examples.npy"
    return Snapshots(
        epochs=tuple(_epoch_of(file) for file in files),
        reconstructions=_stack(files).astype(np.float32, copy=False),
        samples=_of_all(files, "samples"),
        codes=codes,
        examples=_read_array(examples) if codes is not None else None,
    )


def _epoch_of(file: Path) -> int:
    number = file.stem.removeprefix("epoch-")
    if not number.isdecimal():
        raise RunError(f"A picture has no epoch in its name: {file}", fix="Move it elsewhere.")
    return int(number)


def _of_all(files: list[Path], kind: str) -> Array | None:
    """Read what was kept of the same epochs; None where that was not of all of them."""
    others = [file.with_name(file.name.replace("epoch-", f"{kind}-")) for file in files]
    return _stack(others) if all(file.exists() for file in others) else None


def _stack(files: list[Path]) -> Array:
    arrays = [_read_array(file) for file in files]
    if len({array.shape for array in arrays}) > 1:
        raise RunError(f"Files in {files[0].parent} differ in shape", fix="Train the run again.")
    return np.stack(arrays)


def _read_array(file: Path) -> Array:
    try:
        return np.asarray(np.load(file, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise RunError(f"A snapshot is damaged: {file}: {error}") from error
