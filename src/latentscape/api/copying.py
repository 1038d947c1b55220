"""Copying finished runs and studies between folders and URLs."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path, PurePosixPath

from latentscape.api.members import read_members
from latentscape.core.errors import RunError
from latentscape.core.fetched import SUMS, local, sums_of
from latentscape.core.files import write_folder
from latentscape.core.progress import steps
from latentscape.core.remote import Remote
from latentscape.core.urls import url_of
from latentscape.runs import Run, open_run, owning


def copy_runs(
    runs: Sequence[str | Path | Run], to: str | Path, *, overwrite: bool = False
) -> list[str]:
    """Copy finished runs into a folder of runs, here or at a URL.

    Each is copied with all its files, and the checksums of these. A study is copied with its runs.

    Parameters
    ----------
    runs : sequence of str, Path or Run
        Directories, or URLs, of finished runs and of studies.
    to : str or Path
        The folder, or its URL, as in ``s3://bucket/runs``.
    overwrite : bool
        Whether runs of these names that are there are replaced. By default, one that is there with
        the same content is left as it is, and another one is refused.

    Returns
    -------
    list of str
        Where each of them is now.

    Raises
    ------
    ConfigError
        If there is no client for the protocol of a URL.
    RunError
        If one is neither a run nor a study, is not finished, or does not arrive whole; if another
        one has its name; or if the store or folder cannot be written.
    """
    folders = list(chain.from_iterable(map(_folders, runs)))
    copy = _send if _is_remote(to) else _take
    return [
        copy(folder, to, overwrite) for folder in steps("copying", folders, lambda path: path.name)
    ]


def _is_remote(place: str | Path) -> bool:
    return not (url_of(place) or "file:").startswith("file:")


def _folders(run: str | Path | Run) -> Iterator[Path]:
    """Yield the directories that belong to a run or a study; a study comes after its runs."""
    path = run.path if isinstance(run, Run) else local(run, RunError, sealed=True)
    if (members := read_members(path)) is None:
        if not open_run(path).finished:
            raise RunError(
                f"{path} is not finished, and only what is finished is copied",
                fix=f"Finish it first: latentscape train --resume {path}.",
            )
        yield path
        return
    for name in dict.fromkeys(chain.from_iterable(members.groups.values())):
        if ".." in PurePosixPath(name).parts:
            raise RunError(
                f"The runs of {path} stand in several folders", fix="Copy each by itself."
            )
        if not name.startswith(f"{path.name}/"):  # Trials stand in the folder of their search.
            yield from _folders(_beside(run, path, name))
    yield path


def _beside(study: str | Path | Run, path: Path, name: str) -> str | Path:
    """Return where a run of a study is: at a URL too, it stands beside the study."""
    url = None if isinstance(study, Run) else url_of(study)
    return path.parent / name if url is None else f"{url.rpartition('/')[0]}/{name}"


def _names(folder: Path) -> list[str]:
    """Return all files of a run but the hidden ones, which belong to processes that use it."""
    files = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(
        file.as_posix()
        for file in files
        if file.name != SUMS and not any(part.startswith(".") for part in file.parts)
    )


def _send(folder: Path, to: str | Path, overwrite: bool) -> str:
    """Send a run to a URL, its checksums last."""
    url = url_of(to)
    assert url is not None
    target = Remote.open(f"{url}/{folder.name}", RunError)
    with owning(folder, "written"):
        names = _names(folder)
        sums = sums_of(folder, names)
        if target.exists():
            if not overwrite and _has(target, sums):
                return target.url
            _check_free(target.url, overwrite)
            target.remove()
        target.send(names, folder)
    target.below(SUMS).write(sums)
    return target.url


def _has(target: Remote, sums: str) -> bool:
    """Whether a store has these files, and no others."""
    names = {SUMS, *(line.partition("  ")[2] for line in sums.splitlines())}
    return target.holds().keys() == names and target.below(SUMS).read() == sums


def _take(folder: Path, to: str | Path, overwrite: bool) -> str:
    """Copy a run, or what was fetched of one, into a folder."""
    target = local(to, RunError) / folder.name
    names = _names(folder)
    if target.exists():
        if not overwrite and _is_copy(target, folder, names):
            return str(target)
        _check_free(str(target), overwrite)
    with _replacing(target), write_folder(target) as building:
        for name in names:
            (building / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, building / name)
    return str(target)


def _is_copy(target: Path, folder: Path, names: Sequence[str]) -> bool:
    return _names(target) == names and sums_of(target, names) == sums_of(folder, names)


@contextmanager
def _replacing(target: Path) -> Iterator[None]:
    """Own what is replaced, which somebody may be writing to."""
    if not target.exists():
        yield
        return
    with owning(target, "written"):
        yield


def _check_free(place: str, overwrite: bool) -> None:
    if not overwrite:
        raise RunError(
            f"There is something else at {place} already",
            fix="Replace it with --overwrite, or copy into another folder.",
        )
