"""Points in the plane, in the colours of their groups."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.core.records import Array
from latentscape.reporting.blocks import Chart, figure_name
from latentscape.reporting.sprites import write_tiles
from latentscape.reporting.subject import Row
from latentscape.reporting.svg import axes, document, dots, fit, rectangle, text

Groups = Mapping[int, tuple[str, int]]
"""Name and colour of each group of points; points of no group are faint."""

_Numbers = NDArray[np.integer[Any]]


def label_groups(names: Sequence[str], labels: _Numbers) -> dict[int, tuple[str, int]]:
    """Return a group for every label that occurs; -1 is none."""
    return {
        int(label): (names[label] if label < len(names) else str(label), int(label))
        for label in np.unique(labels)
        if label >= 0
    }


def scatter(
    at: Array,
    group_of: _Numbers,
    groups: Groups,
    look: str = "",
    *,
    named: bool = True,
    tiles: _Numbers | None = None,
) -> list[str]:
    """Draw points in the colours of their groups, and the groups' names at their medians.

    Parameters
    ----------
    at : ndarray
        (n, 2) places in the drawing.
    group_of : ndarray of int
        (n,) group of each point.
    groups : mapping
        See `Groups`.
    look : str
        Further CSS classes of the points.
    named : bool
        Whether names are written.
    tiles : ndarray of int, optional
        (n,) number of each point's picture in a sprite; -1 where it has none.
    """

    def drawn(which: NDArray[np.bool_], colour: str, name: str) -> str:
        pictures = "" if tiles is None else write_tiles(tiles[which])
        data = {"name": name or "no label", "tiles": pictures}
        return dots(at[which], f"{colour} {look}".rstrip(), data)

    rest = ~np.isin(group_of, list(groups))
    marks = [drawn(rest, "faint", "")] if rest.any() else []
    present = {group: about for group, about in groups.items() if (group_of == group).any()}
    for group, (name, colour) in present.items():
        marks.append(drawn(group_of == group, f"k{colour % 10}", name))
    return [*marks, *_names(at, group_of, present)] if named else marks


def latent_map(row: Row, sprite: str = "", tiles: _Numbers | None = None) -> Chart:
    """Draw test images as points of a two-dimensional code, coloured by label.

    Parameters
    ----------
    row : Row
        Whose code it is.
    sprite, tiles : str, ndarray of int, optional
        Where pictures of its `Evaluation.test_codes` are; see `scatter`.
    """
    labels = row.evaluation.test_codes.labels
    groups = label_groups(row.data.label_names, labels)
    colours = "coloured by label, each label's name at its median" if groups else "without labels"
    codes = row.evaluation.test_codes.codes
    x, y = fit(codes[:, 0], 44, 390), fit(codes[:, 1], 350, 30)
    at = np.stack([[x(v) for v in codes[:, 0]], [y(v) for v in codes[:, 1]]], axis=1)
    marks = axes(x, y, "first latent number", "second latent number")
    marks += scatter(at, labels, groups, tiles=tiles)
    alt = f"{len(codes)} test images in the code of {row.label}, {colours}."
    svg = document(400, 392, marks, alt, {"sprite": sprite})
    return Chart(figure_name("latent-map", row.label), row.label, svg)


def _names(at: Array, group_of: _Numbers, groups: Groups) -> Iterator[str]:
    """Write each group's name at the median of its points, in a ring of its colour."""
    if not groups:
        return
    medians = np.array([np.median(at[group_of == group], axis=0) for group in groups])
    for (name, colour), (x, y) in zip(groups.values(), _pushed_apart(medians), strict=True):
        width = max(19.0, 8 * len(name) + 8)
        yield rectangle(x - width / 2, y - 9.5, width, 19, f"ring k{colour % 10}", 9.5)
        yield text(x, y + 4.5, name, "name", "middle")


def _pushed_apart(spots: Array, min_distance: float = 21.0) -> Array:
    """Move spots that lie closer than `min_distance` away from each other, bit by bit."""
    spots = spots.astype(float) + np.linspace(0, 0.1, len(spots))[:, None]  # none coincide
    for _ in range(60):
        between = spots[:, None] - spots[None]
        distance = np.linalg.norm(between, axis=-1) + np.eye(len(spots)) * min_distance
        push = np.clip(min_distance - distance, 0, None) / 2
        spots = spots + (between / distance[..., None] * push[..., None]).sum(1) * 0.6
    return spots
