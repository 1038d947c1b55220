"""Removing runs and studies: all that are named, or none."""

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from latentscape.core.errors import RunError
from latentscape.core.files import set_aside
from latentscape.core.urls import url_of
from latentscape.evaluation.listing import ListedRun, kind_of, look_at
from latentscape.evaluation.study import StudyFindings
from latentscape.runs import Run, owning
from latentscape.runs.legacy.record import legacy_file
from latentscape.runs.store import part_file

_OURS = ("data.json", "environment.json", "identity.json")
_NOTHING = "Nothing was removed."


def remove_runs(runs: Sequence[str | Path | Run]) -> list[ListedRun]:
    """Remove runs and studies with all their files. The runs of a study stay where they are.

    Parameters
    ----------
    runs : sequence of str, Path or Run
        Their directories.

    Returns
    -------
    list of ListedRun
        What they were; ``bytes`` says what is free now.

    Raises
    ------
    RunError
        If one is neither a run nor a study, a process owns it, or another run has taken its place.
        Nothing is removed then.
    """
    removable = removable_runs(runs)
    with ExitStack() as owned:
        for named in runs:
            if isinstance(named, Run):  # Another run may stand where it stood.
                owned.enter_context(named.owned("removed"))
        for run in removable:
            owned.enter_context(owning(Path(run.path), "removed"))
        if sys.platform == "win32":  # It renames no folder in which a file is open.
            owned.close()
        hidden = _set_aside([Path(run.path) for run in removable])
    for folder in hidden:
        shutil.rmtree(folder, ignore_errors=True)
    if left := [str(folder) for folder in hidden if folder.exists()]:
        raise RunError(
            f"Some files could not be removed: {', '.join(left)}",
            fix="The runs themselves are gone. Remove these folders by hand.",
        )
    return removable


def _set_aside(paths: Sequence[Path]) -> list[Path]:
    """Rename all directories; where one cannot be renamed, the others get their names back."""
    hidden = dict[Path, Path]()
    try:
        for path in paths:
            hidden[path] = set_aside(path)
    except BaseException:
        for path, place in reversed(hidden.items()):
            place.rename(path)
        raise
    return list(hidden.values())


def removable_runs(runs: Sequence[str | Path | Run]) -> list[ListedRun]:
    """Look at what is to be removed, each once, and refuse what must not be.

    Raises
    ------
    RunError
        If one is neither a run nor a study, or a process owns it.
    """
    paths = [run.path if isinstance(run, Run) else Path(run) for run in runs]
    for path in paths:
        if (url := url_of(path)) is not None:
            raise RunError(f"{url} is not removed from here", fix="Use a program of its store.")
    distinct = {os.path.realpath(path): path for path in paths}
    return [_removable(path) for path in distinct.values()]


def _removable(path: Path) -> ListedRun:
    if path.is_symlink():
        fix = f"{_NOTHING} Name the directory itself: {os.path.realpath(path)}"
        raise RunError(f"{path} is a link", fix=fix)
    if not _is_ours(path):
        raise RunError(
            f"{path} is neither a run nor a study",
            expected="directories that 'latentscape train' or 'latentscape compare' has made",
            fix=f"{_NOTHING} List what there is: latentscape runs FOLDER.",
        )
    listed = look_at(path, kind_of(path) or "run")
    if listed.state == "owned":
        fix = f"{_NOTHING} Wait until that has ended, or end it first."
        raise RunError(f"{path} is being {listed.work} by another process", fix=fix)
    return listed


def _is_ours(path: Path) -> bool:
    """Whether a directory is certainly one of ours: much may be called recipe.yaml."""
    if not path.name or path.name == "..":
        return False
    if kind_of(path) == "study":
        return part_file(path, StudyFindings.part).is_file() or legacy_file(path).is_file()
    return sum((path / name).is_file() for name in _OURS) > 1
