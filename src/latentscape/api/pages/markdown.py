"""Blocks of a report as Markdown, with their pictures as files."""

import re
from collections.abc import Iterator, Sequence
from html import unescape

from latentscape.reporting.blocks import (
    Aside,
    Block,
    Cell,
    Chart,
    Details,
    Gallery,
    Numbers,
    Plate,
    Prose,
    Table,
)
from latentscape.reporting.strips import composed
from latentscape.reporting.svg import standalone

FOLDER = "figures"
"""Where pictures stand, beside the text."""


def escaped(text: str) -> str:
    """Write text so that Markdown shows it as it is, in tables too."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.split()))


def markdown(block: Block) -> str:
    """Write a block, without an empty line at its end.

    Parameters
    ----------
    block : Block
        Of a section of a report. Its pictures are linked to in `FOLDER`; see `figures`.
    """
    match block:
        case Prose():
            return _list(block.paragraphs) if block.listed else _paragraphs(block.paragraphs)
        case Aside():
            return _aside(block)
        case Table():
            # Cells have no tints here, so nothing is said of them.
            caption = re.sub(r"[^.]*\btint\b[^.]*\.", "", block.caption)
            return _paragraphs([caption], _table(block))
        case Numbers():
            return _paragraphs([block.caption], _numbers(block))
        case Chart():
            # A name alone tells the charts of several models apart.
            named = [block.caption] if " " in block.caption else []
            return _paragraphs(named, _image(f"{block.name}.svg", _alternative(block.svg)))
        case Plate():
            about = dict.fromkeys(panel.about for panel in block.panels)
            alt = "; ".join(strip.alt for panel in block.panels for strip in panel.strips)
            return _paragraphs([*about, block.caption], _image(f"{block.name}.png", alt))
        case Gallery():
            return _paragraphs([block.title], *map(markdown, block.charts))
        case Details():
            return f"**{escaped(block.title)}**\n\n```\n{block.text}\n```"


def figures(block: Block) -> Iterator[tuple[str, bytes]]:
    """Draw the pictures of a block: name and content of each file."""
    match block:
        case Chart():
            yield f"{block.name}.svg", standalone(block.svg).encode()
        case Plate():
            yield f"{block.name}.png", composed(block)
        case Gallery():
            for chart in block.charts:
                yield from figures(chart)


def _paragraphs(texts: Sequence[str], *before: str) -> str:
    return "\n\n".join(filter(None, [*before, *map(escaped, texts)]))


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {escaped(item)}" for item in items)


def _aside(block: Aside) -> str:
    text = _list(block.paragraphs) if block.listed else _paragraphs(block.paragraphs)
    lines = f"**{escaped(block.heading)}**\n\n{text}".splitlines()
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _numbers(block: Numbers) -> str:
    lines = []
    for item in block.quantities:
        number = " ".join(filter(None, [item.text, item.unit]))
        lines.append(f"- **{escaped(item.name)}: {escaped(number)}.** {escaped(item.about)}")
    return "\n".join(lines)


def _table(block: Table) -> str:
    head = [", ".join(filter(None, names)) for names in block.head]
    rule = ["---", *["---:"] * (len(head) - 1)]
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in ([*map(escaped, head)], rule, *rows))


def _cell(cell: Cell) -> str:
    note = f"({', '.join(cell.marks)})" if cell.marks else cell.note
    return escaped(" ".join(filter(None, ["★" if cell.best else "", cell.text, note])))


def _image(file: str, alt: str) -> str:
    return f"![{escaped(alt)}]({FOLDER}/{file})"


def _alternative(svg: str) -> str:
    """Return the alternative text of a drawing."""
    return unescape(svg.partition('aria-label="')[2].partition('"')[0])
