"""Maps: codes laid out in the plane, as scatters and with the images themselves."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from latentscape.analyses.clusters.section import cluster_names
from latentscape.core.records import Array
from latentscape.core.units import MAPS, count, number, share
from latentscape.reporting import prose
from latentscape.reporting.blocks import Block, Chart, Gallery, Section, figure_name
from latentscape.reporting.strips import sheet
from latentscape.reporting.subject import Row, Subject, images, told_apart
from latentscape.reporting.svg import axes, document, dots, fit, rectangle, text

SIDE = 320  # of a map
LARGE = (720, 540)  # of a map with pictures on it
THUMB = 22  # side of a picture on a map
FIRST = ("code", "tsne", "umap", "pca")
"""The methods in the order in which pictures are put on their maps."""

Groups = Mapping[int, tuple[str, int]]
"""Name and colour of each group of points; points of no group are faint."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A code laid out in the plane.

    Attributes
    ----------
    name : str
        What the code is called.
    row : Row
        Where it was found.
    method : mapping
        Of ``projection.maps``.
    place : int
        Row of ``projection.rows``.
    """

    name: str
    row: Row
    method: Mapping[str, Any]
    place: int

    @property
    def points(self) -> Array:
        """Places (n, 2)."""
        return self.row.arrays[f"map_{self.method['method']}_{self.place}"]

    @property
    def scores(self) -> Mapping[str, Any]:
        """How far neighbours remain neighbours."""
        return dict(self.method["scores"][self.place])


def section(subject: Subject) -> Section | None:
    """Show the same points as every method lays them out, for pixels, PCA and every model."""
    rows = [row for row in subject.having("projection") if row in subject.pictured]
    if not rows:
        return None
    blocks: list[Block] = [*prose.circumstances(rows, "projection")]
    for method, layouts in _by_method(rows).items():
        drawn = [_map(layout) for layout in layouts]
        protocol = layouts[0].method["protocol"].rstrip(".")
        blocks.append(Gallery(drawn, f"{MAPS.get(method, method)}: {protocol}"))
    blocks += [chart for row in rows if (chart := _with_pictures(row))]
    lead = (
        "The same test images, in the same colours and from the same start, as different codes lay "
        "them out in the plane. Look for islands of one label, and for labels that share one; how "
        "large islands are and how far apart means little in t-SNE and UMAP. Below each map: how "
        "far neighbours in the map are neighbours of the code (trustworthiness) and the other way "
        "round (continuity), both at most 1, and how often a point has the label of its neighbours "
        "in the plane (k-NN)."
    )
    return Section("maps", "Maps", lead, blocks)


def latent_map(row: Row) -> Chart:
    """Draw test images as points of a two-dimensional code, coloured by label."""
    groups = _labels(row, row.arrays["code_labels"])
    colours = "coloured by label, each label's name at its median" if groups else "without labels"
    name = figure_name("latent-map", row.label)
    return _plane(row, row.arrays["code_labels"], groups, name, row.label, colours)


def cluster_map(row: Row) -> Chart:
    """Draw the same points by the clusters of K-means, in the colours of their majority labels."""
    method = row.found("clustering")["rows"][0]["methods"]["kmeans"]
    labels = {name: label for label, name in enumerate(row.values["data"]["label_names"])}
    groups = {c: (name, labels.get(name, c)) for c, name in enumerate(cluster_names(method))}
    caption = f"{row.label}: the same by cluster, each under its "
    caption += "majority label" if labels else "number"
    name = figure_name("cluster-map", row.label)
    clusters = row.arrays["cluster_of_codes"]
    return _plane(row, clusters, groups, name, caption, "coloured by cluster")


def _plane(
    row: Row, of_points: Array, groups: Groups, name: str, caption: str, colours: str
) -> Chart:
    """Draw the plane of a two-dimensional code with its axes."""
    codes = row.arrays["codes"]
    x, y = fit(codes[:, 0], 44, 390), fit(codes[:, 1], 350, 30)
    at = np.stack([[x(v) for v in codes[:, 0]], [y(v) for v in codes[:, 1]]], axis=1)
    marks = axes(x, y, "first latent number", "second latent number")
    marks += _scatter(at, of_points, groups)
    alt = f"{len(codes)} test images in the code of {row.label}, {colours}."
    return Chart(name, caption, document(400, 392, marks, alt))


def _by_method(rows: Sequence[Row]) -> dict[str, list[Layout]]:
    """Return what each method laid out: pixels, PCA, other codes, then the models."""
    methods: dict[str, dict[str, Layout]] = {}
    # The latent space has a section of its own.
    found = [layout for layout in _layouts(rows) if layout.method["method"] != "code"]
    names = told_apart((layout.name, layout.row.data) for layout in found)
    for layout in found:
        name = names[layout.name, layout.row.data]
        layouts = methods.setdefault(layout.method["method"], {})
        layouts.setdefault(name, replace(layout, name=name))
    return {
        name: sorted(layouts.values(), key=lambda layout: layout.place == 0)
        for name, layouts in methods.items()
    }


def _layouts(rows: Sequence[Row]) -> Iterator[Layout]:
    for row in rows:
        codes = row.found("projection")["rows"]
        for method in row.found("projection")["maps"]:
            for place, code in enumerate(codes):
                if f"map_{method['method']}_{place}" in row.arrays:
                    name = code["name"] if place else row.label
                    yield Layout(name, row, method, place)


def _map(layout: Layout) -> Chart:
    """Draw a layout with its scores below it."""
    at = _placed(layout.points, (SIDE, SIDE), 8)
    labels = layout.row.arrays["map_labels"]
    marks = [rectangle(0, 0, SIDE, SIDE, "frame", 3)]
    marks += _scatter(at, labels, _labels(layout.row, labels), "small")
    told = _scored(layout.scores)
    marks.append(text(0, SIDE + 18, told, "tick"))
    method = MAPS.get(layout.method["method"], "")
    alt = f"{method} of {len(at)} images by {layout.name}: {told}."
    name = figure_name("map", layout.method["method"], layout.name)
    return Chart(name, layout.name, document(SIDE, SIDE + 24, marks, alt))


def _scored(scores: Mapping[str, Any]) -> str:
    told = [f"{key} {number(scores[key], 3)}" for key in ("trustworthiness", "continuity")]
    if scores.get("map_accuracy") is not None:
        told.append(f"k-NN {share(scores['map_accuracy'])}")
    return " · ".join(told)


def _with_pictures(row: Row) -> Chart | None:
    """Draw one map of a model with the images themselves on it, as many as do not overlap."""
    own = {layout.method["method"]: layout for layout in _layouts([row]) if layout.place == 0}
    method = next((method for method in FIRST if method in own), None)
    pictures = images(row, "map_images")
    if method is None or pictures is None:
        return None
    at = _placed(own[method].points, LARGE, THUMB)
    labels = row.arrays["map_labels"]
    groups = _labels(row, labels)
    places = row.arrays["map_image_places"]
    marks = [rectangle(0, 0, *LARGE, "frame", 3)]
    marks += _scatter(at, labels, groups, "small", named=False)
    chosen = _clear_of_each_other(at[places], THUMB + 3)
    for index in chosen:
        label = int(labels[places[index]])
        look = f"k{label % 10}" if label >= 0 else ""
        marks += _thumbnail(pictures[index], at[places[index]], look)
    alt = f"{MAPS[method]} of {row.label} with {len(chosen)} of the images themselves."
    return Chart(
        figure_name("map-of-images", row.label),
        f"{row.label}, {MAPS[method]}: {count(len(chosen))} of the images at their places, framed "
        "in the colours of their labels. Look at the images between islands, and at those on the "
        "wrong one.",
        document(*LARGE, marks, alt),
        wide=True,
    )


def _thumbnail(image: Array, at: Array, look: str) -> list[str]:
    data = b64encode(sheet(image[None], 1, 32)).decode()
    left, top = (float(value) - THUMB / 2 for value in at)
    place = f'x="{left:.1f}" y="{top:.1f}" width="{THUMB}" height="{THUMB}"'
    return [
        f'<image {place} href="data:image/png;base64,{data}" class="thumb"/>',
        rectangle(left, top, THUMB, THUMB, f"edge {look}", 1),
    ]


def _clear_of_each_other(at: Array, gap: float) -> list[int]:
    """Choose places, the first that come, none of which lies within `gap` of another."""
    chosen: list[int] = []
    for index, place in enumerate(at):
        if not chosen or np.abs(at[chosen] - place).max(axis=1).min() >= gap:
            chosen.append(index)
    return chosen


def _placed(points: Array, size: tuple[int, int], margin: float) -> Array:
    """Fit points into a rectangle without stretching them, the second number pointing up."""
    points = np.nan_to_num(points.astype(float)) * (1, -1)
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array(size) - 2 * margin
    factor = float((room / np.maximum(high - low, 1e-12)).min())
    return np.asarray((points - (low + high) / 2) * factor + np.array(size) / 2)


def _labels(row: Row, labels: Array) -> dict[int, tuple[str, int]]:
    """Return name and colour of every label that occurs."""
    names = row.values["data"]["label_names"]
    return {
        int(label): (names[label] if label < len(names) else str(label), int(label))
        for label in np.unique(labels)
        if label >= 0
    }


def _scatter(
    at: Array, of_points: Array, groups: Groups, look: str = "", *, named: bool = True
) -> list[str]:
    """Draw points in the colours of their groups, and the groups' names at their medians."""
    rest = ~np.isin(of_points, list(groups))
    marks = [dots(at[rest], f"faint {look}".rstrip())] if rest.any() else []
    present = {group: about for group, about in groups.items() if (of_points == group).any()}
    for group, (_, colour) in present.items():
        marks.append(dots(at[of_points == group], f"k{colour % 10} {look}".rstrip()))
    return [*marks, *_names(at, of_points, present)] if named else marks


def _names(at: Array, of_points: Array, groups: Groups) -> Iterator[str]:
    """Write each group's name at the median of its points, in a ring of its colour."""
    if not groups:
        return
    medians = np.array([np.median(at[of_points == group], axis=0) for group in groups])
    for (name, colour), (x, y) in zip(groups.values(), _pushed_apart(medians), strict=True):
        width = max(19.0, 8 * len(name) + 8)
        yield rectangle(x - width / 2, y - 9.5, width, 19, f"ring k{colour % 10}", 9.5)
        yield text(x, y + 4.5, name, "name", "middle")


def _pushed_apart(spots: Array, least: float = 21.0) -> Array:
    """Move spots that lie closer than `least` away from each other, a little at a time."""
    spots = spots.astype(float) + np.linspace(0, 0.1, len(spots))[:, None]  # none coincide
    for _ in range(60):
        between = spots[:, None] - spots[None]
        distance = np.linalg.norm(between, axis=-1) + np.eye(len(spots)) * least
        push = np.clip(least - distance, 0, None) / 2
        spots = spots + (between / distance[..., None] * push[..., None]).sum(1) * 0.6
    return spots
