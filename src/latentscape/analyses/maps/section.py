"""The section on maps: codes laid out in the plane, as scatters and with the images themselves."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.maps.result import (
    ACCURACY,
    METHOD_NAMES,
    PREFERRED,
    Layout,
    Maps,
    MethodMaps,
)
from latentscape.analyses.maps.sentences import describe_settings
from latentscape.analyses.maps.sprites import sprite_id, sprites_of, tiles_of
from latentscape.analyses.notes import circumstances, describe_guessing
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.records import Array
from latentscape.core.units import count, number
from latentscape.reporting.blocks import Block, Chart, Gallery, Section, figure_name
from latentscape.reporting.scatter import Groups, label_groups, scatter
from latentscape.reporting.sentences import by_sentence
from latentscape.reporting.strips import sheet
from latentscape.reporting.subject import Row, Subject, names_apart
from latentscape.reporting.svg import document, rectangle, text

SIDE = 320
"""Side of a map."""

LARGE = (720, 540)
"""Width and height of a map with images on it."""

THUMBNAIL = 22
"""Side of an image on a map."""


@dataclass(frozen=True, eq=False)
class Panel:
    """A map as it stands on the page.

    Attributes
    ----------
    title : str
        What the code is called there.
    row : Row
        Whose result the map is part of.
    maps : MethodMaps
        All maps of the method.
    layout : Layout
        The map.
    """

    title: str
    row: Row
    maps: MethodMaps
    layout: Layout

    @property
    def is_model(self) -> bool:
        """Whether the code is a model's."""
        return self.layout.kind == "model"


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show the same points as every method lays them out, for pixels, PCA and every model."""
    rows = [row for row in subject.having(Maps) if row in subject.pictured]
    if not rows:
        return None
    blocks: list[Block] = [*circumstances(item, rows)]
    for panels in _by_method(rows):
        maps = panels[0].maps
        title = f"{METHOD_NAMES[maps.method]}: {describe_settings(maps.method, maps.settings)}"
        blocks.append(Gallery([_map(panel) for panel in panels], title))
    blocks += [chart for row in rows if (chart := _with_images(row))]
    lead = (
        "The same test images, in the same colours and from the same start, as different codes lay "
        "them out in the plane. Look for islands of one label, and for labels that share one; how "
        "large islands are and how far apart means little in t-SNE and UMAP. Below each map: how "
        "far neighbours in the map are neighbours of the code (trustworthiness) and the other way "
        "round (continuity), both at most 1, and how often a point has the label of its neighbours "
        "in the plane (k-NN)."
    )
    lead = f"{lead} {_guesses(rows)}".strip()
    sprites = sprites_of(row.first.require(Maps) for row in rows)
    return Section("maps", item.title, lead, blocks, sprites)


def _by_method(rows: Sequence[Row]) -> list[list[Panel]]:
    """Return what each method laid out: pixels, PCA, other codes, then the models."""
    # The latent space has a section of its own.
    panels = [panel for panel in _panels(rows) if panel.maps.method != "code"]
    titles = names_apart((panel.title, panel.row.data.split_name) for panel in panels)
    methods: dict[str, dict[str, Panel]] = {}
    for panel in panels:
        title = titles[panel.title, panel.row.data.split_name]
        of_method = methods.setdefault(panel.maps.method, {})
        of_method.setdefault(title, replace(panel, title=title))
    return [
        sorted(of_method.values(), key=lambda panel: panel.is_model)
        for of_method in methods.values()
    ]


def _panels(rows: Sequence[Row]) -> Iterator[Panel]:
    for row in rows:
        for maps in row.first.require(Maps).methods:
            for layout in maps.layouts:
                title = row.label if layout.kind == "model" else layout.code
                yield Panel(title, row, maps, layout)


def _map(panel: Panel) -> Chart:
    """Draw a map with its scores below it."""
    at = _in_box(panel.layout.places, (SIDE, SIDE), 8)
    maps, method = panel.row.first.require(Maps), panel.maps.method
    groups = _groups(panel.row, maps.labels)
    marks = [rectangle(0, 0, SIDE, SIDE, "frame", 3)]
    marks += scatter(at, maps.labels, groups, "small", tiles=tiles_of(maps, maps.points))
    lines = _describe_fidelity(maps, panel.layout)
    marks += [text(0, SIDE + 18 * (n + 1), line, "tick") for n, line in enumerate(lines)]
    scores = " · ".join(lines)
    alt = f"{METHOD_NAMES[method]} of {len(at)} images by {panel.title}: {scores}."
    name = figure_name("map", method, panel.title)
    height = SIDE + 6 + 18 * len(lines)
    svg = document(SIDE, height, marks, alt, {"sprite": sprite_id(maps)})
    return Chart(name, panel.title, svg)


def _describe_fidelity(maps: Maps, layout: Layout) -> list[str]:
    """Write the scores of a map in lines that are no wider than it."""
    fidelity = layout.fidelity
    neighbours = (
        f"trustworthiness {number(fidelity.trustworthiness, 3)} · "
        f"continuity {number(fidelity.continuity, 3)}"
    )
    accuracy = maps.accuracy(layout)
    return [neighbours, *([f"k-NN {ACCURACY.write_statistic(accuracy)}"] if accuracy else [])]


def _guesses(rows: Sequence[Row]) -> str:
    """Say once for each kind of data what accuracy takes no map to reach."""
    pairs = [(row.label, row.first.require(Maps).guessing) for row in rows]
    sentences = [(label, describe_guessing(guess)) for label, guess in pairs if guess is not None]
    return " ".join(by_sentence(sentences))


def _with_images(row: Row) -> Chart | None:
    """Draw one map of a model with the images themselves on it, as many as do not overlap."""
    maps = row.first.require(Maps)
    own = {panel.maps.method: panel for panel in _panels([row]) if panel.is_model}
    method = next((method for method in PREFERRED if method in own), None)
    if method is None or maps.thumbnails is None:
        return None
    at = _in_box(own[method].layout.places, LARGE, THUMBNAIL)
    points = maps.thumbnails.points
    marks = [rectangle(0, 0, *LARGE, "frame", 3)]
    tiles = tiles_of(maps, maps.points)
    groups = _groups(row, maps.labels)
    marks += scatter(at, maps.labels, groups, "small", named=False, tiles=tiles)
    free = _without_overlap(at[points], THUMBNAIL + 3)
    for index in free:
        label = int(maps.labels[points[index]])
        look = f"k{label % 10}" if label >= 0 else ""
        marks += _thumbnail(maps.thumbnails.images[index], at[points[index]], look)
    alt = f"{METHOD_NAMES[method]} of {row.label} with {len(free)} of the images themselves."
    return Chart(
        figure_name("map-of-images", row.label),
        f"{row.label}, {METHOD_NAMES[method]}: {count(len(free))} of the images at their places, "
        "framed in the colours of their labels. Look at the images between islands, and at those "
        "on the wrong one.",
        document(*LARGE, marks, alt, {"sprite": sprite_id(maps)}),
        wide=True,
    )


def _thumbnail(image: Array, at: Array, look: str) -> list[str]:
    data = b64encode(sheet(image[None], 1, 32)).decode()
    left, top = (float(value) - THUMBNAIL / 2 for value in at)
    place = f'x="{left:.1f}" y="{top:.1f}" width="{THUMBNAIL}" height="{THUMBNAIL}"'
    return [
        f'<image {place} href="data:image/png;base64,{data}" class="thumb"/>',
        rectangle(left, top, THUMBNAIL, THUMBNAIL, f"edge {look}", 1),
    ]


def _without_overlap(at: Array, gap: float) -> list[int]:
    """Choose places, the first that come, none of which lies within `gap` of another."""
    free: list[int] = []
    for index, place in enumerate(at):
        if not free or np.abs(at[free] - place).max(axis=1).min() >= gap:
            free.append(index)
    return free


def _in_box(points: Array, size: tuple[int, int], margin: float) -> Array:
    """Fit points into a rectangle without stretching them, the second number pointing up."""
    points = points.astype(float) * (1, -1)
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array(size) - 2 * margin
    factor = float((room / np.maximum(high - low, 1e-12)).min())
    return np.asarray((points - (low + high) / 2) * factor + np.array(size) / 2)


def _groups(row: Row, labels: NDArray[np.int64]) -> Groups:
    return label_groups(row.data.label_names, labels)
