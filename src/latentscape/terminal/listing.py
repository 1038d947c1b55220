"""The runs and studies of a folder, as a table that fits the terminal."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from rich.cells import cell_len
from rich.text import Text

from latentscape.core import units
from latentscape.evaluation.listing import ListedRun, age_of
from latentscape.terminal.layout import print_line, print_whole, terminal_width

_GAP, _BREAK = "  ", "\n"
_MAX_PROBLEMS = 10


@dataclass(frozen=True)
class _RunColumn:
    """A column; where room is short the one of the highest rank goes first."""

    heading: str
    write: Callable[[ListedRun], Text]
    rank: int = 0
    is_number: bool = False
    is_named: bool = False  # Says nothing without its heading.


@dataclass(frozen=True)
class _Filled:
    """A column with its cells, which are written once: there may be ten thousand."""

    column: _RunColumn
    cells: Sequence[Text]

    @property
    def width(self) -> int:
        """Characters of the longest cell or line of the heading."""
        lines = map(cell_len, self.column.heading.split("\n"))
        return max(*lines, *(cell.cell_len for cell in self.cells))

    def lines(self, width: int) -> Iterator[Text]:
        """Yield the lines of the column, each of the same width."""
        first, _, second = self.column.heading.rpartition("\n")
        headings = [Text(first, "bold"), Text(second, "bold")]
        for line in (*headings, Text("─" * width, "dim"), *self.cells):
            space = " " * (width - line.cell_len)
            yield Text.assemble(*((space, line) if self.column.is_number else (line, space)))


def print_runs(runs: Sequence[ListedRun]) -> None:
    """Print runs and studies; where even the narrowest table is too wide, each on two lines."""
    filled = [_Filled(column, [column.write(run) for run in runs]) for column in _COLUMNS]
    filled = [column for column in filled if any(column.cells)]
    fitting = _fitting(filled, terminal_width())
    if fitting:
        print_whole(_table(fitting))
    else:
        _print_stacked(filled)
    _print_problems([run for run in runs if run.problem])
    print_line(f"{_number(runs)}, {_size(runs)}", "dim")


def print_removable(runs: Sequence[ListedRun], studies: Mapping[str, Sequence[str]]) -> None:
    """Print what is to be removed, and the studies (by the path of a run) that would miss it."""
    print_runs(runs)
    for run in runs:
        if names := [name for name in studies[run.path] if name not in {r.name for r in runs}]:
            print_line(
                f"{run.name} belongs to {', '.join(names)}: no new report of that.", "yellow"
            )


def print_removed(runs: Sequence[ListedRun]) -> None:
    """Say what was removed."""
    what = runs[0].name if len(runs) == 1 else _number(runs)
    print_line(f"Removed {what}; {_size(runs)} are free.")


def _number(runs: Sequence[ListedRun]) -> str:
    """Count runs and studies."""
    kinds = Counter[str](run.kind for run in runs)
    words = {"run": ("run", "runs"), "study": ("study", "studies")}
    return " and ".join(
        f"{units.count(kinds[kind])} {one if kinds[kind] == 1 else many}"
        for kind, (one, many) in words.items()
        if kinds[kind]
    )


def _size(runs: Sequence[ListedRun]) -> str:
    return units.memory_size(sum(run.bytes for run in runs))


def _fitting(columns: Sequence[_Filled], room: int) -> list[_Filled]:
    """Return the columns that there is room for; none where those that matter do not fit."""
    by_rank = sorted(columns, key=lambda filled: filled.column.rank)
    widths = {id(filled): filled.width + len(_GAP) for filled in columns}
    while sum(widths[id(filled)] for filled in by_rank) - len(_GAP) > room:
        if by_rank.pop().column.rank == 0:
            return []
    return [filled for filled in columns if filled in by_rank]


def _table(columns: Sequence[_Filled]) -> Text:
    rows = zip(*(filled.lines(filled.width) for filled in columns), strict=True)
    lines = [Text(_GAP).join(row) for row in rows]
    return Text("\n").join(lines if any(lines[0].plain.split()) else lines[1:])


def _print_stacked(columns: Sequence[_Filled]) -> None:
    names, *others = columns
    for place, name in enumerate(names.cells):
        print_line(name.plain, "bold")
        facts = [
            f"{filled.column.heading.replace(_BREAK, ' ')} {text}"
            if filled.column.is_named
            else text
            for filled in others
            if (text := filled.cells[place].plain)
        ]
        print_line(", ".join(facts), indent=2)


def _print_problems(damaged: Sequence[ListedRun]) -> None:
    for run in damaged[:_MAX_PROBLEMS]:
        print_line(f"{run.name}: {run.problem}", "red")
    if len(damaged) > _MAX_PROBLEMS:
        print_line(f"{len(damaged)} are damaged; their state is in the table.", "red")


def _recipe(run: ListedRun) -> Text:
    if run.kind == "study":
        return Text(f"study of {units.count(run.runs)}" if run.runs else "study", "cyan")
    return Text(run.recipe or "")


def _beats(run: ListedRun) -> Text:
    if run.wins is not None and run.rows is not None:
        return Text(f"{run.wins} of {run.rows}")
    looks = {"wins": ("yes", "green"), "loses": ("no", "red"), "undecided": ("undecided", "yellow")}
    return Text(*looks.get(run.outcome or "", ("", "")))


def _state(run: ListedRun) -> Text:
    """Say what is not as it is with most: a run that is finished, and of this version."""
    if run.state == "owned":
        return Text(f"being {run.work}", "cyan")
    if run.state == "damaged":
        return Text("damaged", "red")
    if run.state == "unfinished":
        epochs = f", {run.epochs} epoch{'s' * (run.epochs != 1)}" if run.epochs else ""
        return Text(f"unfinished{epochs}", "yellow")
    is_other = run.version and run.version != _version()
    return Text(f"version {run.version}" if is_other else "", "dim")


def _error(run: ListedRun) -> Text:
    return Text("" if run.mse is None else units.number(run.mse, 3))


@cache
def _version() -> str:
    return version("latentscape")


_COLUMNS = (
    _RunColumn("name", lambda run: Text(run.name)),
    _RunColumn("recipe", _recipe, 2),
    _RunColumn("data", lambda run: Text(run.data or ""), 4),
    _RunColumn("error", _error, is_number=True, is_named=True),
    _RunColumn("beats\nPCA", _beats, 1, is_named=True),
    _RunColumn("age", lambda run: Text(units.age(age_of(run))), 3, is_number=True),
    _RunColumn("size", lambda run: Text(units.memory_size(run.bytes)), 5, is_number=True),
    _RunColumn("state", _state),
)
