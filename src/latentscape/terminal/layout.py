"""Tables that fit the width of the terminal, and lines of text."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from latentscape.core.metrics import Metric


def show(content: RenderableType) -> None:
    """Print a table, or anything else that can be printed."""
    _console().print(content)


def on_terminal() -> bool:
    """Whether a person looks on, and not a program at the other end of a pipe."""
    return _console().is_terminal


def _console() -> Console:
    """Return a console as wide as the terminal, or wide enough for any table in a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=180)


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
class Column:
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


def metric_column(metric: Metric, cells: Sequence[str]) -> Column:
    """Make the column of a metric under its name and unit."""
    return Column(metric.name, metric.unit, cells, metric.rank)


def print_columns(title: str, labels: Sequence[str], columns: Sequence[Column]) -> None:
    """Print a table of as many columns as the terminal has room for."""
    console = _console()
    longest = max(Text.from_markup(label).cell_len for label in labels)
    room = console.width - min(longest, max(16, console.width // 4)) - 4
    columns = list(columns)
    while _width(columns, stacked=True) > room and any(column.rank for column in columns):
        columns.remove(max(columns, key=lambda column: column.rank))
    stacked = _width(columns, stacked=False) > room
    left = console.width - _width(columns, stacked=stacked) - 4
    grid = table(title=escape(title))
    grid.add_column(width=min(longest, max(8, left)), overflow="fold")
    for column in columns:
        heading = f"{column.heading}\n[dim]{column.unit}" if column.unit else column.heading
        width = column.width(stacked=stacked) - 3
        grid.add_column(heading, justify="right", width=width, overflow="fold")
    for label, *cells in zip(labels, *(column.cells for column in columns), strict=True):
        grid.add_row(label, *map(_stacked, cells) if stacked else cells)
    console.print(grid)


def _width(columns: Sequence[Column], *, stacked: bool) -> int:
    return sum(column.width(stacked=stacked) for column in columns)


def marked(label: str, supervised: bool, collapsed: bool) -> str:
    """Write a label with what must be known wherever it is compared with others."""
    marks = (" [cyan](labels)[/]" * supervised, " [red](collapsed)[/]" * collapsed)
    return escape(label) + "".join(marks)


def print_line(text: str, style: str = "", indent: int = 0) -> None:
    """Print text of any length, its lines `indent` characters from the left."""
    line = Text(text, style)
    show(Padding(line, (0, 0, 0, indent), expand=False) if indent else line)


def align_right(grid: Table, *columns: int) -> None:
    """Set columns flush right."""
    for column in columns:
        grid.columns[column].justify = "right"
