"""The section on neighbours: what the code takes to be alike, beside what pixels do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from latentscape.reporting import prose
from latentscape.reporting.generated import images
from latentscape.reporting.legible import misread
from latentscape.reporting.parts import Block, Panel, Plate, Section, Strip, figure_name
from latentscape.reporting.pictures import strip
from latentscape.reporting.rows import Row, Subject
from latentscape.units import share

LINES, FEW = 8, 5  # for a single model, and for each of several


def section(subject: Subject) -> Section | None:
    """Show the training images nearest to some test images, in codes and in pixels."""
    rows = subject.having("neighbours")
    if not rows:
        return None
    blocks: list[Block] = [*prose.circumstances(rows, "neighbours")]
    blocks += [_plate(subject, alike) for alike in _by_queries(subject, rows)]
    lead = (
        "Each line begins with a test image; after the gap follow the training images nearest to "
        "it. Labels stand above, with a cross where a neighbour has another one. Neighbours in "
        "pixels have their ink in the same places; those of a good code are alike in kind."
    )
    return Section("neighbours", "Neighbours", lead, blocks)


def _by_queries(subject: Subject, rows: Sequence[Row]) -> list[list[Row]]:
    """Return the pictured rows by the test images they ask about; vectors have no pictures."""
    groups: dict[bytes, list[Row]] = {}
    for row in rows:
        queries = images(row, "neighbour_queries")
        if row in subject.pictured and queries is not None:
            groups.setdefault(queries.tobytes(), []).append(row)
    return list(groups.values())


def _plate(subject: Subject, rows: Sequence[Row]) -> Plate:
    shown = LINES if len(rows) == 1 else FEW
    panels = [_panel(subject, row, "latent", f"In the code of {row.label}", shown) for row in rows]
    panels.append(_panel(subject, rows[0], "pixels", "In pixels", shown))
    return Plate(figure_name("neighbours", rows[0].label), "", "", panels)


def _panel(subject: Subject, row: Row, space: str, title: str, shown: int) -> Panel:
    agreement: Mapping[str, float | None] = row.found("neighbours").get("agreement") or {}
    agreeing = agreement.get(space)
    told = "" if agreeing is None else f": {share(agreeing)} have the image’s label"
    return Panel(f"{title}{told}", _strips(subject, row, space)[:shown])


def _strips(subject: Subject, row: Row, space: str) -> list[Strip]:
    queries, found = row.arrays["neighbour_queries"], row.arrays[f"neighbours_{space}"]
    above = _labels(row, space)
    strips = []
    for place, (query, neighbours) in enumerate(zip(queries, found, strict=True)):
        gap = np.full_like(query, np.nan)
        shown = np.concatenate([query[None], gap[None], neighbours])
        alt = f"Image {place + 1} and its neighbours in {space}, {row.label}"
        made = strip("", shown, len(shown), subject.tile, alt)
        strips.append(replace(made, columns=above[place] if above else ()))
    return strips


def _labels(row: Row, space: str) -> list[Sequence[str]]:
    """Return the labels of each line of images; nothing without labels."""
    names = row.values["data"]["label_names"]
    found = row.arrays.get(f"neighbours_{space}_labels")
    if not names or found is None:
        return []
    return [
        [names[own], "", *(misread(names[label], wrong=label != own) for label in others)]
        for own, others in zip(row.arrays["neighbour_labels"], found, strict=True)
    ]
