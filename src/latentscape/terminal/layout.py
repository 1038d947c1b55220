"""Tables that fit the width of the terminal, and lines of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import TextWrapper

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from latentscape.core.metrics import Metric


def show(content: RenderableType) -> None:
    """Print a table, or anything else that can be printed."""
    _console().print(content)


def on_terminal() -> bool:
    """Whether a person looks on, and not a program at the other end of a pipe."""
    return _console().is_terminal


def terminal_width() -> int:
    """Return the characters of a line."""
    return _console().width


def _console() -> Console:
    """Return a console as wide as the terminal, or wide enough for any table in a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=180)


def fits(grid: Table) -> bool:
    """Whether a table has room for the longest word of each column."""
    console = _console()
    needed = Measurement.get(console, console.options.update(max_width=10_000), grid).minimum
    return needed <= console.width


def table(*headings: str, title: str = "", show_header: bool = True) -> Table:
    """Make a table without frames, its title above it at the left."""
    return Table(
        *headings,
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_header=show_header,
    )


@dataclass(frozen=True)
class PrintedColumn:
    """A column of numbers; where room is short the one of the highest `rank` goes first.

    Rank 0 stays.
    """

    heading: str
    unit: str
    cells: Sequence[str]
    rank: int = 0

    def width(self, *, stacked: bool) -> int:
        """Characters that it takes with its margins; `stacked` puts deviations below means."""
        heading = f"{self.heading} {self.unit}".replace("nats per", "nats_per")
        texts = [*heading.split(), *self.cells]
        if stacked:
            texts = [part for text in texts for part in _stacked(text).split("\n")]
        return 3 + max(Text.from_markup(text).cell_len for text in texts)


def _stacked(cell: str) -> str:
    return cell.replace(" ±", "\n±").replace(" (", "\n(")


def metric_column(metric: Metric, cells: Sequence[str]) -> PrintedColumn:
    """Make the column of a metric under its name and unit."""
    return PrintedColumn(metric.name, metric.unit, cells, metric.rank)


def print_columns(title: str, labels: Sequence[str], columns: Sequence[PrintedColumn]) -> None:
    """Print a table of as many columns as the terminal has room for."""
    console = _console()
    names = [Text.from_markup(label) for label in labels]
    longest = max(name.cell_len for name in names)
    word = max(cell_len(word) for name in names for word in name.plain.split() or [""])
    room = console.width - min(longest, max(16, console.width // 4, word)) - 4
    columns = list(columns)
    while _width(columns, stacked=True) > room and any(column.rank for column in columns):
        columns.remove(max(columns, key=lambda column: column.rank))
    stacked = _width(columns, stacked=False) > room
    left = console.width - _width(columns, stacked=stacked) - 4
    print_line(title, "bold")
    grid = table()
    grid.add_column(width=min(longest, max(8, left)), overflow="fold")
    for column in columns:
        heading = f"{column.heading}\n[dim]{column.unit}" if column.unit else column.heading
        width = column.width(stacked=stacked) - 3
        grid.add_column(heading, justify="right", width=width, overflow="fold")
    for label, *cells in zip(labels, *(column.cells for column in columns), strict=True):
        grid.add_row(label, *map(_stacked, cells) if stacked else cells)
    console.print(grid)


def _width(columns: Sequence[PrintedColumn], *, stacked: bool) -> int:
    return sum(column.width(stacked=stacked) for column in columns)


def marked(label: str, supervised: bool, collapsed: bool) -> str:
    """Write a label with what must be known wherever it is compared with others."""
    marks = (" [cyan](labels)[/]" * supervised, " [red](collapsed)[/]" * collapsed)
    return escape(label) + "".join(marks)


def print_line(text: str, style: str = "", indent: int = 0) -> None:
    """Print text of any length, its lines `indent` characters from the left.

    No word is broken, however long: a path stays whole, and can be copied.
    """
    for line in _lines(text, terminal_width() - indent):
        print_whole(Text(" " * indent).append(line, style))


def print_pairs(pairs: Mapping[str, str], title: str = "") -> None:
    """Print names and what they stand for below each other; no word is broken.

    Parameters
    ----------
    pairs : mapping of str to str
        Plain text. What does not fit beside its name stands below it.
    title : str
        What stands above.
    """
    width = terminal_width()
    if title:
        print_whole(Text(f"\n{title}", "bold"))
    longest = max(map(cell_len, pairs), default=0)
    room = width - longest - 4
    for name, value in pairs.items():
        lines = _lines(value, room)
        fits = all(cell_len(line) <= room for line in lines)
        first = f"{set_cell_size(name, longest)}  " if fits else f"{name}\n    "
        indent = " " * (longest + 4 if fits else 4)
        rest = f"\n{indent}".join(lines if fits else _lines(value, width - 4))
        print_whole(Text("  ").append(first, "bold").append(rest))


def _lines(text: str, width: int) -> list[str]:
    """Break text between words alone; a longer word has a line that is too long."""
    wrapper = TextWrapper(max(1, width), break_long_words=False, break_on_hyphens=False)
    return [line for part in text.split("\n") for line in wrapper.wrap(part) or [""]]


def print_whole(text: Text) -> None:
    """Print lines as they are, however long."""
    _console().print(text, overflow="ignore", no_wrap=True, crop=False)


def align_right(grid: Table, *columns: int) -> None:
    """Set columns flush right."""
    for column in columns:
        grid.columns[column].justify = "right"
