"""All that the files of a run or a study say, each of them checked: ``latentscape runs show``."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from latentscape.api.members import folder_of, read_members, studies_with
from latentscape.config import Recipe
from latentscape.core.errors import LatentscapeError, RunError
from latentscape.core.findings import Json, Record
from latentscape.evaluation.against_pca import BaselineComparison
from latentscape.evaluation.listing import ListedRun, kind_of, look_at, size_of
from latentscape.evaluation.results import Evaluation
from latentscape.evaluation.study import StudyMembers
from latentscape.runs import Run, RunFindings, check_model
from latentscape.runs.architecture import Architecture
from latentscape.runs.facts import DataFacts, Environment, Event, History
from latentscape.runs.lineage import Extension, Start
from latentscape.runs.store import part_names

_T = TypeVar("_T")


class FileSize(Record):
    """A file or a folder in the directory of a run, and its bytes."""

    name: str
    bytes: int


class RunDescription(Record):
    """All that the files of a run or a study say. What is missing or damaged is None.

    Attributes
    ----------
    run : ListedRun
        What a list shows of it.
    recipe : Recipe or None
        The whole resolved recipe.
    data, environment, history : DataFacts, Environment, History or None
        Data, machine and epochs.
    architecture : Architecture or None
        Layers and numbers of parameters.
    comparison : BaselineComparison or None
        The test error beside those of the baselines.
    events : tuple of Event
        What went wrong in training.
    start : Start or None
        The weights of another run that it began with.
    extensions : tuple of Extension
        How often it was asked for another number of epochs.
    members : StudyMembers or None
        What a study is made of.
    studies : tuple of str
        Studies in the same folder that the run belongs to.
    parts : tuple of str
        What was measured: the parts of the findings.
    files : tuple of FileSize
        What the directory holds.
    problems : tuple of str
        What is wrong with its files.
    """

    run: ListedRun
    recipe: Recipe | None = None
    data: DataFacts | None = None
    environment: Environment | None = None
    history: History | None = None
    architecture: Architecture | None = None
    comparison: BaselineComparison | None = None
    events: tuple[Event, ...] = ()
    start: Start | None = None
    extensions: tuple[Extension, ...] = ()
    members: StudyMembers | None = None
    studies: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    files: tuple[FileSize, ...] = ()
    problems: tuple[str, ...] = ()


def describe_run(run: str | Path | Run) -> RunDescription:
    """Say all that the files of a run or a study say, and what is wrong with any of them.

    Parameters
    ----------
    run : str, Path or Run
        The directory, of a run that is finished or not, or of a study.

    Returns
    -------
    RunDescription
        Damaged files are named in ``problems``.

    Raises
    ------
    RunError
        If there is neither a run nor a study.
    """
    path = folder_of(run)
    kind = kind_of(path)
    if kind is None:
        fix = "List what there is: latentscape runs FOLDER."
        raise RunError(f"{path} is neither a run nor a study", fix=fix)
    reader = _Reader()
    facts = _run_facts(path, reader) if kind == "run" else _study_facts(path, reader)
    return RunDescription(
        run=look_at(path, kind), files=_files(path), problems=tuple(reader.problems), **facts
    )


class _Reader:
    """Reads what can be read, and keeps what is wrong with the rest."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except LatentscapeError as error:
            if str(error) not in self.problems:
                self.problems.append(str(error))
            return None


def _run_facts(path: Path, reader: _Reader) -> Json:
    run = Run(path)
    facts: Json = {
        "recipe": reader.read(lambda: run.recipe),
        "data": reader.read(lambda: run.data),
        "environment": reader.read(lambda: run.environment),
        "history": reader.read(lambda: run.history),
        "events": reader.read(lambda: run.events) or (),
        "start": reader.read(lambda: run.start),
        "extensions": reader.read(lambda: run.extensions) or (),
        "studies": tuple(study.name for study in studies_with(path)),
    }
    return {**facts, **_measured(run, reader)} if run.finished else facts


def _measured(run: Run, reader: _Reader) -> Json:
    findings = RunFindings(run)
    reader.read(lambda: check_model(run.path))
    evaluation = reader.read(lambda: findings.get(Evaluation))
    return {
        "architecture": reader.read(lambda: findings.get(Architecture)),
        "comparison": None if evaluation is None else evaluation.comparison,
        "parts": reader.read(lambda: findings.parts) or (),
    }


def _study_facts(path: Path, reader: _Reader) -> Json:
    return {"members": reader.read(lambda: read_members(path)), "parts": part_names(path)}


def _files(path: Path) -> tuple[FileSize, ...]:
    """Return files and folders of a directory, the largest first."""
    with os.scandir(path) as entries:
        names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]
    files = [FileSize(name=name, bytes=size_of(path / name)) for name in names if name != ".lock"]
    return tuple(sorted(files, key=lambda file: (-file.bytes, file.name)))
