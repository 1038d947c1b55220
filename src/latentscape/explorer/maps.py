"""Maps of the points, and how places in the plane become codes again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from latentscape.analyses.maps.projections import (
    Plane,
    draw_map,
    map_settings,
    missing,
    principal_plane,
    start_places,
)
from latentscape.analyses.maps.result import METHOD_NAMES, MIN_POINTS, PREFERRED, MapMethod, Maps
from latentscape.analyses.maps.sentences import describe_settings
from latentscape.core.errors import ConfigError
from latentscape.core.records import Array
from latentscape.core.units import count
from latentscape.evaluation.codes import are_same
from latentscape.explorer.contents import Map
from latentscape.explorer.explored import Explored, Piece

MAX_TSNE = 10_000
"""Points up to which t-SNE is drawn without being asked for."""

Decode = Literal["exact", "linear", "neighbours"]

_Arrays = Mapping[str, Array]


def choose_maps(explored: Explored, first: MapMethod | None) -> list[MapMethod]:
    """Choose which maps of a model there are, the one to be shown first in front.

    Parameters
    ----------
    explored : Explored
        The model and the points.
    first : str or None
        What was asked for. By default there is PCA, the code itself where it has two numbers, and
        t-SNE where its package is installed and the points are no more than 10,000.
    """
    n_points = len(explored.points)
    is_wanted = {
        "pca": True,
        "code": explored.model.latent_dim == 2,
        "tsne": first == "tsne" or (MIN_POINTS <= n_points <= MAX_TSNE and not missing("tsne")),
        "umap": first == "umap",
    }
    chosen = [method for method in PREFERRED if is_wanted[method]]
    return sorted(chosen, key=lambda method: method != first)


def check_method(method: MapMethod | None, latent_dim: int) -> None:
    """Refuse a map that cannot be drawn, before anything is computed.

    Raises
    ------
    ConfigError
        If a package is missing, or the code does not have two numbers.
    """
    if method == "code" and latent_dim != 2:
        raise ConfigError(
            f"The code has {count(latent_dim)} numbers, which are no places in a plane",
            expected="two numbers, for --map code",
            fix="Choose another map: --map pca, --map tsne or --map umap.",
        )
    if method is not None and (skip := missing(method)):
        raise ConfigError(
            f"A map of {METHOD_NAMES[method]} needs a package that is not installed",
            fix=f"Install it with: {skip.detail['command']}",
        )


def draw(explored: Explored, method: MapMethod) -> Piece:
    """Draw a map of the points, or take it from the findings of the run."""
    codes = explored.point_codes
    if method in ("tsne", "umap") and (obstacle := _obstacle(codes)):
        return Piece(notes=(f"There is no map by {METHOD_NAMES[method]}: {obstacle}.",))
    note = describe_settings(method, map_settings(method, len(codes)))
    arrays: dict[str, Array] = {}
    decode: Decode = "neighbours"
    if method == "code":
        places, decode = codes, "exact"
    elif method == "pca":
        plane = principal_plane(codes)
        places, decode = plane.places(codes), "linear"
        arrays = _plane_arrays(method, plane)
    else:
        kept = _kept(explored, method)
        places = _drawn(explored, method) if kept is None else kept
    name = "Code" if method == "code" else METHOD_NAMES[method]
    one = Map(method=method, name=name, decode=decode, note=note)
    return Piece({"maps": (one,)}, {f"map/{method}": places.astype(np.float32), **arrays})


def _obstacle(codes: Array) -> str:
    """Say why codes cannot be laid out; nothing where they can."""
    if len(codes) < MIN_POINTS:
        return f"it needs {MIN_POINTS} points, and there are {len(codes)}"
    return "all codes are the same, the encoder has collapsed" if are_same(codes) else ""


def _drawn(explored: Explored, method: MapMethod) -> Array:
    codes = explored.point_codes
    return draw_map(explored.label, codes, method, start_places(codes)).places


def _kept(explored: Explored, method: MapMethod) -> Array | None:
    """Return the map that the findings of the run hold of the same points and settings."""
    maps, points = explored.opened.findings.get(Maps), explored.points
    same_data = explored.split is not None and explored.split.dataset is points.dataset
    if maps is None or not same_data or not np.array_equal(maps.points, points.index):
        return None
    settings = {item.method: item.settings for item in maps.methods}
    layout = maps.layouts(explored.opened.findings.label, "model").get(method)
    same = settings.get(method) == map_settings(method, len(points)) and maps.settings.seed == 0
    return layout.places if layout is not None and same else None


def _plane_arrays(method: MapMethod, plane: Plane) -> dict[str, Array]:
    return {
        f"map/{method}/mean": plane.mean.astype(np.float32),
        f"map/{method}/axes": plane.axes.astype(np.float32),
    }


@dataclass(frozen=True, eq=False)
class Similarity:
    """A rotation, mirrored or not, with a change of scale and a shift.

    Attributes
    ----------
    matrix : ndarray of float64
        (2, 2): rotation times scale.
    shift : ndarray of float64
        (2,): a place (n, 2) goes to ``place @ matrix + shift``.
    """

    matrix: Array
    shift: Array

    def __call__(self, places: Array) -> Array:
        """Move places (n, 2)."""
        moved: Array = places @ self.matrix + self.shift
        return moved

    def moved(self, plane: Plane) -> Plane:
        """Return the plane in which moved places have the codes that they had."""
        back = np.linalg.inv(self.matrix)
        axes = back @ plane.axes
        return Plane(plane.mean - self.shift @ axes, axes)


def similarity(places: Array, onto: Array) -> Similarity | None:
    """Find what moves places (n, 2) nearest to others, by least squares (Procrustes).

    None where all places of either are the same, so that nothing could be told from them.
    """
    centres = places.mean(0, dtype=np.float64), onto.mean(0, dtype=np.float64)
    own, other = places - centres[0], onto - centres[1]
    left, sizes, right = np.linalg.svd(own.T @ other)
    spread = np.square(own).sum()
    if not spread or not sizes.sum():
        return None
    matrix = left @ right * (sizes.sum() / spread)
    return Similarity(matrix, centres[1] - centres[0] @ matrix)


def align(maps: Sequence[Map], arrays: _Arrays, onto: _Arrays) -> Piece:
    """Move the maps of a model onto those of another, method by method.

    Parameters
    ----------
    maps : sequence of Map
        Those of the model.
    arrays, onto : mapping of str to ndarray
        Those of the model and of the other.

    Returns
    -------
    Piece
        The maps, in the order in which they were, and their arrays.
    """
    aligned, moved = [], dict[str, Array]()
    for one in maps:
        name = f"map/{one.method}"
        move = similarity(arrays[name], onto[name]) if name in onto else None
        if move is not None:
            moved[name] = move(arrays[name]).astype(np.float32)
            if one.decode != "neighbours":
                moved |= _plane_arrays(one.method, move.moved(_plane_of(one, arrays)))
                one = one.model_copy(update={"decode": "linear"})
        aligned.append(one)
    return Piece({"maps": tuple(aligned), "aligned": bool(moved)}, moved)


def _plane_of(one: Map, arrays: _Arrays) -> Plane:
    """Return the plane of a map whose places are codes, or projections of them."""
    if one.decode == "exact":
        return Plane(np.zeros(2), np.eye(2))
    return Plane(arrays[f"map/{one.method}/mean"], arrays[f"map/{one.method}/axes"])
