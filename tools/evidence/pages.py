"""Regions of pages that are written from results files.

A region stands between ``<!-- results: NAME -->`` and ``<!-- end -->``, in a line or around lines.
What is between is made by the function of that name; whatever is written there by hand is lost.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from latentscape.core.files import write_text
from tools.evidence.records import ROOT

REGION = re.compile(r"<!-- results: (?P<name>[\w-]+) -->(?P<text>.*?)<!-- end -->", re.DOTALL)


def paths() -> list[Path]:
    """List the pages: the README, and all that is in ``docs/``."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str, writers: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with its regions written anew.

    Raises
    ------
    KeyError
        If nothing writes a region.
    """

    def write(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in writers:
            raise KeyError(f"nothing writes the region {name}")
        content = writers[name]()
        # A table or a list is none behind a comment on its line.
        is_block = match["text"].startswith("\n") or content.startswith(("|", "- "))
        space = "\n\n" if is_block else ""
        return f"<!-- results: {name} -->{space}{content}{space}<!-- end -->"

    return REGION.sub(write, text)


def regions(text: str) -> Iterator[str]:
    """Yield the names of the regions of a page."""
    return (match["name"] for match in REGION.finditer(text))


def without_regions(text: str) -> str:
    """Return what is written by hand."""
    return REGION.sub("", text)


def write_pages() -> list[str]:
    """Write all regions, and name the pages that changed."""
    from tools.evidence.regions import WRITERS

    changed = []
    for path in paths():
        old = path.read_text("utf-8")
        new = filled(old, WRITERS)
        if new != old:
            write_text(path, new)
            changed.append(path.relative_to(ROOT).as_posix())
    return changed
