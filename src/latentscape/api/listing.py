"""The runs and studies of a folder: which there are, and those that one asks for."""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, get_args

from latentscape.core.doors import Displayed
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.tables import Table, Tabular
from latentscape.evaluation.listing import ListedRun, age_of, list_folder
from latentscape.terminal import shown

SortKey = Literal["name", "recipe", "data", "state", "error", "age", "size"]

_TEXTS: dict[str, Callable[[ListedRun], str]] = {
    "name": lambda run: run.name,
    "kind": lambda run: run.kind,
    "recipe": lambda run: run.recipe or "",
    "data": lambda run: run.data or "",
    "state": lambda run: run.state,
    "beats": lambda run: {"wins": "yes", "loses": "no"}.get(run.outcome or "", run.outcome or ""),
}
_NUMBERS: dict[str, Callable[[ListedRun], float | None]] = {
    "error": lambda run: run.mse,
    "age": lambda run: None if (age := age_of(run)) is None else age / 86400,
    "size": lambda run: run.bytes / 1e6,
}
_FILTER = re.compile(r"\s*(\w+)\s*([=<>])\s*(.*?)\s*")


_NAMED = 5
"""Runs that a short text names."""


class Listing(Displayed, Tabular, list[ListedRun]):
    """Runs and studies in the order that was asked for: a list, and a table."""

    def __repr__(self) -> str:
        names = ", ".join(run.name for run in self[:_NAMED])
        return f"<Listing of {len(self):,}: {names}{', ...' * (len(self) > _NAMED)}>"

    @property
    def table(self) -> Table:
        """A row for each run or study, with all that is known of it."""
        rows = [run.model_dump() for run in self]
        return Table.of_rows("runs", rows, {"mse": "per pixel", "pca_mse": "per pixel"})


def list_runs(
    folder: str | Path = "runs",
    *,
    sort: SortKey = "name",
    filters: Sequence[str] = (),
    quiet: bool = False,
) -> Listing:
    """List the runs and studies in a folder, by what their small files say.

    Nothing is checked that would take time: `open_run` and `report` refuse what is not as it was
    written.

    Parameters
    ----------
    folder : str or Path
        Where they are.
    sort : str
        ``name``, ``recipe``, ``data``, ``state``; ``error``, the lowest first; ``age``, the newest
        first; ``size``, the largest first. What has none comes last.
    filters : sequence of str
        All of these have to fit. ``recipe=vae*`` compares ``name``, ``kind``, ``recipe``, ``data``,
        ``state`` or ``beats`` (PCA: ``yes``, ``no``, ``undecided``) with a pattern of ``*`` and
        ``?``; ``error<0.02`` compares ``error``, ``age`` (in days) or ``size`` (in MB) with a
        number; a text alone is a part of the name.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Listing
        A list of `ListedRun`, and a table. It holds also those that are unfinished, owned by a
        process, or damaged: ``state`` says so.

    Raises
    ------
    RunError
        If there is no such folder, or it is a run itself.
    ConfigError
        If a filter or the order is none of these.
    """
    if sort not in get_args(SortKey):
        raise unknown("order", sort, get_args(SortKey), ConfigError)
    accepts = [_read_filter(text) for text in filters]
    with shown(quiet):
        runs = list_folder(Path(folder))
    fitting = (run for run in runs if all(fits(run) for fits in accepts))
    return Listing(sorted(fitting, key=_ORDERS[sort]))


def _read_filter(text: str) -> Callable[[ListedRun], bool]:
    match = _FILTER.fullmatch(text)
    if match is None:
        return lambda run: text.lower() in run.name.lower()
    key, sign, value = match.groups()
    if sign == "=":
        return _text_filter(key, value)
    return _number_filter(key, value, below=sign == "<")


def _text_filter(key: str, pattern: str) -> Callable[[ListedRun], bool]:
    if key not in _TEXTS:
        raise unknown("column to compare with a text", key, _TEXTS, ConfigError)
    return lambda run: fnmatchcase(_TEXTS[key](run).lower(), pattern.lower())


def _number_filter(key: str, text: str, *, below: bool) -> Callable[[ListedRun], bool]:
    if key not in _NUMBERS:
        raise unknown("column to compare with a number", key, _NUMBERS, ConfigError)
    try:
        limit = float(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not a number", expected=f"as in {key}<10") from None

    def fits(run: ListedRun) -> bool:
        number = _NUMBERS[key](run)
        return number is not None and (number < limit if below else number > limit)

    return fits


def _ordered(number: float | None) -> float:
    return float("inf") if number is None else number


_ORDERS: dict[SortKey, Callable[[ListedRun], tuple[float | str, str]]] = {
    "name": lambda run: (run.name, ""),
    "recipe": lambda run: (run.recipe or "", run.name),
    "data": lambda run: (run.data or "", run.name),
    "state": lambda run: (run.state, run.name),
    "error": lambda run: (_ordered(run.mse), run.name),
    "age": lambda run: (_ordered(age_of(run)), run.name),
    "size": lambda run: (-run.bytes, run.name),
}
