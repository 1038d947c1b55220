"""The section on neighbours: what the code takes to be alike, beside what pixels do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from latentscape.core.units import share
from latentscape.reporting import prose
from latentscape.reporting.blocks import Block, Panel, Plate, Prose, Section, Strip, figure_name
from latentscape.reporting.strips import misread, strip
from latentscape.reporting.subject import Row, Subject, by_images, images

SPACES = {"latent": "the code", "pixels": "pixels"}
LINES, FEW = 8, 5  # for a single model, and for each of several


def section(subject: Subject) -> Section | None:
    """Show the training images nearest to some test images, in codes and in pixels."""
    rows = subject.having("neighbours")
    if not rows:
        return None
    blocks: list[Block] = [*prose.circumstances(rows, "neighbours")]
    if told := prose.by_sentence((row.label, _agreement(row)) for row in rows):
        blocks.append(Prose(told, listed=len(told) > 1))
    pictured = [row for row in rows if row in subject.pictured and _has_pictures(row)]
    blocks += [_plate(subject, alike) for alike in by_images(pictured, "neighbour_queries")]
    lead = (
        "Each line begins with a test image; after the gap follow the training images nearest to "
        "it. Labels stand above, with a cross where a neighbour has another one. Neighbours in "
        "pixels have their ink in the same places; those of a good code are alike in kind."
    )
    return Section("neighbours", "Neighbours", lead, blocks)


def _agreement(row: Row) -> str:
    """Say how often the nearest training image has the label of a test image."""
    found: Mapping[str, float | None] = row.found("neighbours").get("agreement") or {}
    told = [(name, found[s]) for s, name in SPACES.items() if found.get(s) is not None]
    if not told:
        return ""
    (name, agreeing), *others = told
    beside = "".join(f" (by {other} {share(value)})" for other, value in others)
    return (
        f"By {name}, the nearest training image of {share(agreeing)} of the test images has their "
        f"label{beside}."
    )


def _has_pictures(row: Row) -> bool:
    """Whether there is a picture to show: vectors have none, and a collapsed code no neighbours."""
    found = any(f"neighbours_{space}" in row.arrays for space in SPACES)
    return found and images(row, "neighbour_queries") is not None


def _plate(subject: Subject, rows: Sequence[Row]) -> Plate:
    shown = LINES if len(rows) == 1 else FEW
    lines = [(f"In the code of {row.label}", row, "latent") for row in rows]
    panels = [
        Panel(title, _strips(subject, row, space)[:shown])
        for title, row, space in (*lines, ("In pixels", rows[0], "pixels"))
        if f"neighbours_{space}" in row.arrays
    ]
    return Plate(figure_name("neighbours", rows[0].label), "", "", panels)


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
