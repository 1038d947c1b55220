"""The runs and studies of a folder at a glance: what their small files say, unchecked.

A folder may hold thousands. So no model, no array and no checksum is read, and of a recipe its name
alone. Whatever is wrong with one entry is said of it, and the others are listed all the same.
"""

import os
import re
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from latentscape.core.errors import LatentscapeError, RunError, brief
from latentscape.core.findings import Json, Record
from latentscape.core.progress import steps
from latentscape.evaluation.against_pca import BaselineComparison, Outcome
from latentscape.evaluation.study import StudyFindings
from latentscape.runs.facts import DataFacts, Environment
from latentscape.runs.identity import CREATED
from latentscape.runs.legacy.record import legacy_file
from latentscape.runs.owner import Work, holder_of
from latentscape.runs.reading import (
    DAMAGE,
    check_schema,
    damaged,
    make_record,
    read_bytes,
    read_json,
    read_recipe,
    read_record,
)
from latentscape.runs.store import SCHEMA, part_file

Kind = Literal["run", "study"]
State = Literal["finished", "unfinished", "owned", "damaged"]


class ListedRun(Record):
    """A run or a study as a list shows it.

    Attributes
    ----------
    name, path : str
        Of its directory.
    kind : str
        ``run`` or ``study``.
    state : str
        ``finished``; ``unfinished``, training was stopped or killed; ``owned``, a process works on
        it now; ``damaged``.
    work : str or None
        What is done to it now: ``trained``, ``compared``, ``analysed``, ``written``, ``removed``.
    problem : str
        What is wrong with a damaged one.
    recipe, data : str or None
        Their names; of a study None.
    runs : int or None
        How many a study has.
    epochs : int or None
        How many epochs are done.
    mse, pca_mse : float or None
        Test error per pixel, and that of PCA with as many numbers; of a study its best row's.
    outcome : str or None
        Whether the model wins against PCA: ``wins``, ``loses``, ``undecided``.
    wins, rows : int or None
        Of a study: how many of its rows beat PCA, and how many it has.
    started : str or None
        When training began, ISO 8601; of a study when it was written.
    version : str
        The version of Latentscape that began it; empty where nothing says so.
    bytes : int
        Size of all its files.
    """

    name: str
    path: str
    kind: Kind
    state: State
    work: Work | None = None
    problem: str = ""
    recipe: str | None = None
    data: str | None = None
    runs: int | None = None
    epochs: int | None = None
    mse: float | None = None
    pca_mse: float | None = None
    outcome: Outcome | None = None
    wins: int | None = None
    rows: int | None = None
    started: str | None = None
    version: str = ""
    bytes: int = 0


def list_folder(folder: Path) -> list[ListedRun]:
    """List the runs and studies in a folder, by name.

    Parameters
    ----------
    folder : Path
        Its directories are looked at, and none below them.

    Raises
    ------
    RunError
        If there is no such folder, or it is a run or a study itself.
    """
    try:
        with os.scandir(folder) as entries:
            paths = [folder / e.name for e in entries if e.name[0] != "." and e.is_dir()]
    except OSError as error:
        fix = "Runs are made by: latentscape train RECIPE."
        raise RunError(f"{folder} cannot be listed: {error.strerror}", fix=fix) from error
    if kind_of(folder) is not None:
        fix = f"Show it: latentscape runs show {folder}"
        raise RunError(f"{folder} is a run or a study, and no folder of them", fix=fix)
    paths.sort(key=lambda path: path.name)
    each = steps("reading", paths, lambda path: path.name)
    return [look_at(path, kind) for path in each if (kind := kind_of(path))]


def age_of(run: ListedRun) -> float | None:
    """Return the seconds since training began; None where nothing says when."""
    try:
        started = datetime.fromisoformat(run.started or "")
    except ValueError:
        return None
    started = started if started.tzinfo else started.replace(tzinfo=UTC)
    return max(0.0, (datetime.now(UTC) - started).total_seconds())


def kind_of(path: Path) -> Kind | None:
    """Tell whether a directory is a run or a study; None where it is neither."""
    has_recipe, *has_others = (os.path.isfile(path / name) for name in CREATED)
    if has_recipe or all(has_others):  # A run that has lost its recipe is one still.
        return "run"
    files = (part_file(path, StudyFindings.part), legacy_file(path), path / ".lock")
    return "study" if any(map(os.path.isfile, files)) else None


def look_at(path: Path, kind: Kind) -> ListedRun:
    """Read what a list shows of a run or a study."""
    holder = holder_of(path)
    facts, problem = _read_all(path, _RUN_FILES if kind == "run" else _STUDY_FILES)
    is_finished = kind == "study" or os.path.isfile(path / "model.safetensors")
    state: State = "finished" if is_finished else "unfinished"
    if holder is not None:
        state, problem = "owned", ""  # Its files may be just being written.
    elif problem:
        state = "damaged"
    return ListedRun(
        name=path.name,
        path=str(path),
        kind=kind,
        state=state,
        work=holder.work if holder else None,
        problem=problem,
        bytes=size_of(path),
        **facts,
    )


def _read_all(path: Path, readers: Sequence[Callable[[Path], Json]]) -> tuple[Json, str]:
    """Gather what can be read, and say what is wrong with the first file that cannot."""
    facts: Json = {}
    problems = []
    for read in readers:
        try:
            facts.update(read(path))
        except LatentscapeError as error:
            problems.append(brief(error))
        except DAMAGE as error:
            problems.append(str(damaged(path, f"{type(error).__name__}: {error}")))
    return facts, problems[0] if problems else ""


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a directory; links count for nothing."""
    try:
        status = os.stat(path, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            return status.st_size
        with os.scandir(path) as entries:
            return sum(map(_size_of, entries))
    except OSError:  # It has just gone, or nobody may look into it.
        return 0


def _size_of(entry: "os.DirEntry[str]") -> int:
    if entry.is_dir(follow_symlinks=False):
        return size_of(Path(entry.path))
    return entry.stat(follow_symlinks=False).st_size


def _recipe(path: Path) -> Json:
    """Read the name alone: to parse all of a recipe takes eight milliseconds."""
    file = path / "recipe.yaml"
    plain = re.match(rb"name: ([a-zA-Z][\w.-]*)\n", read_bytes(file))  # Others are in quotes.
    return {"recipe": plain[1].decode() if plain else read_recipe(file).name}


def _data(path: Path) -> Json:
    return {"data": read_record(path / "data.json", DataFacts).name}


def _environment(path: Path) -> Json:
    environment = read_record(path / "environment.json", Environment)
    return {"started": environment.started or None, "version": environment.latentscape}


def _history(path: Path) -> Json:
    file = path / "history.jsonl"
    return {"epochs": read_bytes(file).count(b"\n") if file.exists() else 0}


def _errors(path: Path) -> Json:
    """Read the test error and that of PCA, of today's findings or of those of version 0.1.0."""
    file = part_file(path, "evaluation")
    if file.exists():
        values = read_json(file, {"content": dict})
        check_schema(file, values.get("schema"), SCHEMA)
        content = values["content"]
    elif (file := legacy_file(path)).exists():
        content = read_json(file, {"evaluation": dict})["evaluation"]
        content = {**content, "mean_image": content["mean_image"]["metrics"]}
    else:
        return {}
    return _compared(_comparison(file, content))


def _comparison(file: Path, evaluation: Json) -> BaselineComparison:
    pca = evaluation["pca"]
    numbers = {
        "mse": evaluation["metrics"]["mse"],
        "pca_mse": pca["metrics"]["mse"],
        "mean_image_mse": evaluation["mean_image"]["mse"],
        "components": pca["dim"],
        "difference": evaluation.get("difference"),
    }
    return make_record(file, BaselineComparison, numbers)


def _compared(comparison: BaselineComparison) -> Json:
    return {
        "mse": comparison.mse,
        "pca_mse": comparison.pca_mse,
        "outcome": comparison.outcome,
    }


def _study(path: Path) -> Json:
    """Read what a study consists of, and its best row."""
    file = part_file(path, StudyFindings.part)
    if not file.exists():
        return _legacy_study(legacy_file(path))
    content = read_json(file, {"content": dict})["content"]
    rows = [make_record(file, BaselineComparison, row["comparison"]) for row in content["rows"]]
    return {
        "runs": sum(map(len, content["members"]["groups"].values())),
        "rows": len(rows),
        "wins": sum(row.beats_pca for row in rows),
        **_compared(min(rows, key=lambda row: row.mse)),
        "started": _written(file),
    }


def _legacy_study(file: Path) -> Json:
    if not file.exists():  # It is being compared for the first time.
        return {}
    values = read_json(file, {"rows": list})
    runs = sum(len(row["runs"]) for row in values["rows"])
    return {"runs": runs, "rows": len(values["rows"]), "started": _written(file)}


def _written(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")


_RUN_FILES = (_recipe, _data, _environment, _history, _errors)
_STUDY_FILES = (_study,)
