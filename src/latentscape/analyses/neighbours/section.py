"""The section on neighbours: what the code takes to be alike, beside what pixels do."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from latentscape.analyses.neighbours.result import NearestImages, Neighbours
from latentscape.analyses.notes import circumstances, describe_guessing
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.core.units import count
from latentscape.reporting.blocks import Block, Panel, Plate, Prose, Section, Strip, figure_name
from latentscape.reporting.sentences import by_sentence
from latentscape.reporting.strips import misread, strip
from latentscape.reporting.subject import Row, Subject, by_images

N_SINGLE, N_SEVERAL = 8, 5
"""Queries of a single model, and of each of several."""


AGREEMENT = Metric("agreement", "Agreement", higher_is_better=True, is_share=True)


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show the training images nearest to test images, in codes and in pixels."""
    rows = subject.having(Neighbours)
    if not rows:
        return None
    blocks: list[Block] = circumstances(item, rows)
    if sentences := by_sentence((row.label, describe_agreement(_of(row))) for row in rows):
        blocks.append(Prose(sentences, listed=len(sentences) > 1))
    pictured = [row for row in rows if row in subject.pictured and _has_pictures(row)]
    groups = by_images(pictured, lambda row: _of(row).queries)
    blocks += [_plate(subject, group) for group in groups]
    lead = (
        "Each line begins with a test image; after the gap follow the training images nearest to "
        "it. Labels stand above, with a cross where a neighbour has another one. Neighbours in "
        "pixels have their ink in the same places; those of a good code are alike in kind."
    )
    return Section("neighbours", item.title, lead, blocks)


def describe_agreement(neighbours: Neighbours) -> str:
    """Say how often the nearest training image has the label of a test image."""
    pairs = (("the code", neighbours.agreement_latent), ("pixels", neighbours.agreement_pixels))
    measured = [(name, agreement) for name, agreement in pairs if agreement is not None]
    if not measured:
        return ""
    n = neighbours.protocol.n_scored
    texts = [
        (name, AGREEMENT.write_statistic(Statistic(mean=agreement, trials=n)))
        for name, agreement in measured
    ]
    (name, text), *rest = texts
    beside = "".join(f" (by {other} {value})" for other, value in rest)
    guessing = "" if neighbours.guessing is None else describe_guessing(neighbours.guessing)
    return (
        f"By {name}, the nearest training image of {text} of the {count(n)} test images has their "
        f"label{beside}. {guessing}"
    ).rstrip()


def _of(row: Row) -> Neighbours:
    return row.first.require(Neighbours)


def _has_pictures(row: Row) -> bool:
    """Whether there is a picture to show: vectors have none, and a collapsed code no neighbours."""
    neighbours = _of(row)
    return neighbours.queries.ndim == 4 and bool(neighbours.latent or neighbours.pixels)


def _plate(subject: Subject, rows: Sequence[Row]) -> Plate:
    max_queries = N_SINGLE if len(rows) == 1 else N_SEVERAL
    lines = [(f"In the code of {row.label}", row, _of(row).latent) for row in rows]
    panels = [
        Panel(title, _strips(subject, row, nearest, title)[:max_queries])
        for title, row, nearest in (*lines, ("In pixels", rows[0], _of(rows[0]).pixels))
        if nearest is not None
    ]
    return Plate(figure_name("neighbours", rows[0].label), "", "", panels)


def _strips(subject: Subject, row: Row, nearest: NearestImages, title: str) -> list[Strip]:
    columns, strips = _labels(row, nearest), []
    for place, (query, images) in enumerate(zip(_of(row).queries, nearest.images, strict=True)):
        gap = np.full_like(query, np.nan)
        line = np.concatenate([query[None], gap[None], images])
        alt = f"Image {place + 1} and its neighbours, {title[0].lower()}{title[1:]}"
        picture = strip("", line, len(line), subject.tile, alt)
        strips.append(replace(picture, columns=columns[place] if columns else ()))
    return strips


def _labels(row: Row, nearest: NearestImages) -> list[Sequence[str]]:
    """Return the labels of each line of images; nothing without labels."""
    if not row.data.label_names:
        return []
    name_of = row.data.label_name
    return [
        [name_of(own), "", *(misread(name_of(label), wrong=label != own) for label in labels)]
        for own, labels in zip(_of(row).query_labels, nearest.labels, strict=True)
    ]
