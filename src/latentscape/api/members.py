"""The runs that a study is made of, and the studies that a run belongs to.

Nothing here is slow to import: commands ask it before they do anything else.
"""

import os
from contextlib import suppress
from itertools import chain
from pathlib import Path

from latentscape.core.errors import RunError
from latentscape.core.fetched import local
from latentscape.core.urls import url_of
from latentscape.evaluation.study import StudyFindings, StudyMembers
from latentscape.runs import Run, open_run, read_part
from latentscape.runs.legacy import legacy_study

_FINDINGS = f"findings/{StudyFindings.part}.json"


def folder_of(run_or_study: str | Path | Run) -> Path:
    """Return the directory of a run or a study; of a URL, that of its copy in the cache.

    Raises
    ------
    RunError
        If a study is at the URL: its runs stand beside it, and are not fetched.
    """
    if isinstance(run_or_study, Run):
        return run_or_study.path
    path, url = local(run_or_study, RunError, sealed=True), url_of(run_or_study)
    if url is not None and not (path / "recipe.yaml").is_file() and read_members(path) is not None:
        raise RunError(
            f"{url} is a study, and its runs stand beside it",
            fix=f"Copy it here, with its runs: latentscape runs copy {url} --to runs.",
        )
    return path


def read_members(path: Path) -> StudyMembers | None:
    """Return what a study is made of; None where the path is that of a run, or of neither.

    Raises
    ------
    RunError
        If its files are damaged.
    """
    if (path / "recipe.yaml").is_file():
        return None
    study = read_part(path, StudyFindings)
    return legacy_study(path, StudyMembers) if study is None else study.members


def study_runs(path: Path, members: StudyMembers) -> list[list[Run]]:
    """Open the runs of a study, by configuration."""
    return [[open_beside(path, name) for name in names] for names in members.groups.values()]


def studies_with(run: Path) -> list[Path]:
    """List the studies that stand beside a run, or around it, and have it among their own.

    Damaged ones are left out.
    """
    studies, beside = [], run.absolute().parent
    files = sorted(beside.glob(f"*/{_FINDINGS}"))
    # Trials stand in a folder of the study that searched by them.
    for file in [*files, *beside.parent.glob(_FINDINGS)]:
        path = file.parent.parent
        with suppress(RunError):
            members = read_members(path)
            if members and _belongs_to(run, path, members):
                studies.append(path)
    return studies


def open_beside(path: Path, name: str) -> Run:
    """Open the run of a study."""
    return open_run(_beside(path, name))


def _belongs_to(run: Path, study: Path, members: StudyMembers) -> bool:
    places = (_beside(study, name) for name in chain.from_iterable(members.groups.values()))
    return os.path.realpath(run) in map(os.path.realpath, places)


def _beside(study: Path, run: str) -> Path:
    """Return where a run of a study is, which only comparisons of runs have elsewhere."""
    return Path(os.path.normpath(study.parent / run))
