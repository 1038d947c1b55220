"""A bar that shows how far a work has come."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_Part = TypeVar("_Part")


def watching(what: str, quiet: bool) -> Callable[[Sequence[_Part]], Iterator[_Part]]:
    """Give a function that shows a bar on standard error while parts of a work are gone through."""

    def watched(parts: Sequence[_Part]) -> Iterator[_Part]:
        columns = (
            TextColumn(what),
            BarColumn(bar_width=16),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
            yield from bar.track(parts)

    return watched
