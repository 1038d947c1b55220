"""Bars that show how far a work has come."""

from collections.abc import Callable, Iterator, Sequence, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

_Part = TypeVar("_Part")
_Sized = TypeVar("_Sized", bound=Sized)


def counting(what: str, quiet: bool) -> Callable[[Iterator[_Sized], int | None], Iterator[_Sized]]:
    """Give a function that shows a bar while so many rows, if that is known, come in parts."""

    def counted(parts: Iterator[_Sized], total: int | None) -> Iterator[_Sized]:
        columns = (
            TextColumn(what),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        if quiet or not console.is_terminal:
            yield from parts
            return
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(what, total=total)
            for part in parts:
                bar.advance(task, len(part))
                yield part

    return counted


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
        if quiet or not console.is_terminal:
            yield from parts
            return
        with Progress(*columns, console=console) as bar:
            yield from bar.track(parts)

    return watched
