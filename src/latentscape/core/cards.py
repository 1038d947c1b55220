"""Small tables that a notebook shows of an object, in light and in dark."""

import os
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote


def card(title: str, rows: Iterable[Sequence[str]], heading: Sequence[str] = ()) -> str:
    """Return a table as HTML, which takes its colours from the page around it.

    Parameters
    ----------
    title : str
        Caption of the table.
    rows : iterable of sequence of str
        Cells, the first of which names the row. Nothing in a text is taken for HTML.
    heading : sequence of str
        Names of the columns, where they have names.
    """
    lines = [_row("th", "col", heading)] if heading else []
    lines += [_row("td", "row", cells) for cells in rows]
    caption = f"<caption style='text-align:left;font-weight:bold'>{escape(title)}</caption>"
    return f"<table>{caption}{''.join(lines)}</table>"


def with_link(table: str, file: Path, text: str) -> str:
    """Return a table above a link to a file, where that exists.

    A notebook opens what is below its own folder; of another file the path is written.
    """
    if not file.is_file():
        return table
    place = os.path.relpath(file)
    if place.startswith(os.pardir) or os.path.isabs(place):
        return f"{table}<div>{escape(text)}: <code>{escape(str(file))}</code></div>"
    address = quote(Path(place).as_posix())
    return f"{table}<div><a href='{address}' target='_blank'>{escape(text)}</a></div>"


def _row(element: str, scope: str, cells: Sequence[str]) -> str:
    first, *others = map(escape, cells)
    rest = "".join(f"<{element} style='text-align:left'>{cell}</{element}>" for cell in others)
    return f"<tr><th scope='{scope}' style='text-align:left'>{first}</th>{rest}</tr>"
