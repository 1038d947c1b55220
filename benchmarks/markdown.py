"""Pieces of a Markdown page."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import fill


def page(*parts: str) -> str:
    """Join headings, paragraphs and tables; paragraphs are filled."""
    filled = [
        part if "\n\n" in part or part.startswith(("#", "|")) else _filled(part) for part in parts
    ]
    return "\n\n".join(filled)


def _filled(paragraph: str) -> str:
    words = " ".join(paragraph.split())
    return fill(words, 100, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """Write a Markdown table whose first columns are words, and the others numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join(_lines([head, rule, *rows]))


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write rows of a table; what stands in a cell must not end it."""
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
