"""Pictures of the points of maps, in the order in which their dots are drawn."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.maps.result import Maps
from latentscape.reporting.sprites import Sprite, make_sprite


def sprite_of(maps: Maps) -> Sprite | None:
    """Put the pictures of all points into a sprite, by label as dots are; None without pictures."""
    if maps.pictures is None:
        return None
    order = _order(maps)
    return make_sprite(sprite_id(maps), maps.pictures[order], tuple(maps.points[order].tolist()))


def sprites_of(results: Iterable[Maps]) -> list[Sprite]:
    """Put the pictures of several results into sprites, those of the same points into one."""
    distinct = {sprite_id(maps): maps for maps in results}
    return [sprite for maps in distinct.values() if (sprite := sprite_of(maps))]


def sprite_id(maps: Maps) -> str:
    """Name the sprite: maps of the same points share one. Empty without pictures."""
    if maps.pictures is None:
        return ""
    shown = (maps.points, maps.labels, maps.pictures)
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in shown)
    return f"sprite-{hashlib.sha256(content).hexdigest()[:12]}"


def tiles_of(maps: Maps, points: NDArray[np.integer[Any]]) -> NDArray[np.int64] | None:
    """Find examples, given by their indices into the dataset, in the sprite; -1 where not."""
    if maps.pictures is None:
        return None
    order = _order(maps)
    tile_of = dict(zip(maps.points[order].tolist(), range(len(order)), strict=True))
    return np.array([tile_of.get(point, -1) for point in points.tolist()], np.int64)


def _order(maps: Maps) -> NDArray[np.int64]:
    return np.argsort(maps.labels, kind="stable")
