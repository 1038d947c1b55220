"""Runs that exist, side by side: in one table and one report, as those of a study."""

import os
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from latentscape.api.members import folder_of, read_members, study_runs
from latentscape.api.studies import folder_of_its_own
from latentscape.api.subjects import write_study
from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.files import slug
from latentscape.core.units import count
from latentscape.evaluation.study import StudyFindings, StudyMembers
from latentscape.runs import Run, RunFindings, open_run
from latentscape.runs.facts import DataFacts

MAX_IN_NAME = 3
"""Rows that the name of a comparison names."""

_Groups = dict[str, list[RunFindings]]


def compare_runs(
    runs: Sequence[str | Path | Run],
    *,
    name: str | None = None,
    folder: str | Path | None = None,
) -> StudyFindings:
    """Put runs that exist side by side, and write their table and report as those of a study.

    Runs that differ in the seed alone are one row, with mean and standard deviation; if that would
    leave one row, each run has its own. Nothing is trained or measured again.

    Parameters
    ----------
    runs : sequence of str, Path or Run
        Directories of finished runs, in the order of the rows; that of a study stands for its runs.
    name : str, optional
        Of the comparison and its directory; by default made of its rows and the data.
    folder : str or Path, optional
        Where that directory is made; by default beside the first run.

    Returns
    -------
    StudyFindings
        Its ``folder`` holds ``report.html``.

    Raises
    ------
    RunError
        If one is no finished run; if they were tested on different examples, whose errors cannot
        be compared; or if there is something else of that name.
    ConfigError
        If there are fewer than two.
    """
    opened = [RunFindings(run) for run in _distinct(runs)]
    if len(opened) < 2:
        raise ConfigError(f"{len(opened)} run to compare", expected="two or more")
    _check_comparable(opened)
    groups = _labelled(_by_settings(opened))
    place = Path(opened[0].run.path.parent if folder is None else folder)
    named = {
        label: tuple(_beside(place, run) for run in of_row) for label, of_row in groups.items()
    }
    title = name or _title(list(groups))
    path = _path_of(place, f"{title}-{opened[0].data.name}" if name is None else title, named, name)
    members = StudyMembers(
        name=title, seeds=tuple(range(max(map(len, named.values())))), groups=named
    )
    with folder_of_its_own(path):
        return write_study(path, members)


def _distinct(runs: Iterable[str | Path | Run]) -> Iterator[Run]:
    """Open runs, and those of studies, each once."""
    known = set()
    for run in _opened(runs):
        place = os.path.realpath(run.path)
        if place not in known:
            known.add(place)
            yield run


def _opened(runs: Iterable[str | Path | Run]) -> Iterator[Run]:
    for run in runs:
        path = folder_of(run)
        members = None if isinstance(run, Run) else read_members(path)
        if members is None:
            yield run if isinstance(run, Run) else open_run(path)
        else:
            for of_row in study_runs(path, members):
                yield from of_row


def _check_comparable(runs: Sequence[RunFindings]) -> None:
    """Refuse runs that were tested on different examples: their errors do not compare."""
    first, *others = runs
    for run in others:
        if _tested_on(run.data) != _tested_on(first.data):
            raise RunError(
                f"{first.name} and {run.name} cannot be compared: {first.name} was tested on "
                f"{_describe(first.data)}, {run.name} on {_describe(run.data)}",
                expected="runs that were tested on the same examples",
                fix="List those of the same data: latentscape runs --filter "
                f"data={first.data.name}.",
            )


def _tested_on(data: DataFacts) -> tuple[str, int, int]:
    return data.fingerprint, data.seed, data.sizes.test


def _describe(data: DataFacts) -> str:
    examples = f"{count(data.sizes.test)} examples of {data.name}"
    return f"{examples} (split seed {data.seed}, fingerprint {data.fingerprint[:8]})"


def _by_settings(runs: Sequence[RunFindings]) -> list[list[RunFindings]]:
    """Put runs together that differ in the seed alone, unless these are all."""
    groups: dict[str, list[RunFindings]] = {}
    for run in runs:
        groups.setdefault(_but_for_seed(run.recipe), []).append(run)
    return list(groups.values()) if len(groups) > 1 else [[run] for run in runs]


def _but_for_seed(recipe: Recipe) -> str:
    train = recipe.train.model_copy(update={"seed": 0})
    return recipe.model_copy(update={"train": train}).fingerprint("")


def _labelled(groups: Sequence[list[RunFindings]]) -> _Groups:
    """Call rows by recipe, or where these are the same by run, or else by path."""
    for name in (_recipe_name, _run_name, _path_name):
        labelled = {name(group): group for group in groups}
        if len(labelled) == len(groups):
            return labelled
    raise AssertionError("two rows have the same first run")


def _recipe_name(group: Sequence[RunFindings]) -> str:
    return group[0].recipe.name


def _run_name(group: Sequence[RunFindings]) -> str:
    if len(group) == 1:
        return group[0].name
    return os.path.commonprefix([run.name for run in group]).rstrip("-_. ") or group[0].name


def _path_name(group: Sequence[RunFindings]) -> str:
    return str(group[0].run.path)


def _beside(folder: Path, run: RunFindings) -> str:
    """Write where a run is, from the folder of the comparison: of one beside it the name alone."""
    try:
        return Path(os.path.relpath(run.run.path, folder)).as_posix()
    except ValueError:  # On another drive.
        return run.run.path.absolute().as_posix()


def _title(labels: Sequence[str]) -> str:
    if len(labels) <= MAX_IN_NAME:
        return " vs ".join(labels)
    return f"{labels[0]} and {len(labels) - 1} others"


def _path_of(
    folder: Path, name: str, groups: dict[str, tuple[str, ...]], own_name: str | None
) -> Path:
    """Return the directory of the comparison: the one of before, if the same was compared."""
    path = folder / slug(name)
    if not path.exists() or _holds(path, groups):
        return path
    if own_name is not None:
        fix = "Give another --name."
        raise RunError(f"{path} exists, and is not a comparison of these runs", fix=fix)
    return folder / f"{slug(name)}-{sha256(repr(groups).encode()).hexdigest()[:6]}"


def _holds(path: Path, groups: dict[str, tuple[str, ...]]) -> bool:
    if not path.is_dir() or (path / "recipe.yaml").exists():
        return False
    members = read_members(path)
    return members is not None and members.groups == groups
