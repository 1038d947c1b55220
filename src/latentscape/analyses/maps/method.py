"""Maps: the same points laid out in the plane from different codes, by several methods."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.codes import guess_labels
from latentscape.analyses.maps.fidelity import (
    MAX_QUERIES,
    compared_points,
    map_fidelity,
    neighbourhood_size,
)
from latentscape.analyses.maps.projections import Map, draw_map, map_settings, missing, start_places
from latentscape.analyses.maps.result import (
    METHOD_NAMES,
    MIN_POINTS,
    PREFERRED,
    Layout,
    MapMethod,
    MapProtocol,
    Maps,
    MapSettings,
    MethodMaps,
    Thumbnails,
)
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.findings import Skip
from latentscape.core.progress import steps
from latentscape.core.records import Array, Codes
from latentscape.core.subsets import draw_subset
from latentscape.evaluation.codes import is_constant
from latentscape.evaluation.pictures import max_images
from latentscape.inference.reducing import reduce_examples
from latentscape.model import scaled
from latentscape.reporting.grids import visible
from latentscape.reporting.sprites import SIDES

DEFAULT_POINTS = MapSettings().points
"""Points up to which training examples are on no map."""

MAX_THUMBNAILS = 150
MAX_PICTURES = 5000
CHUNK = 256
"""Images that are made small at once."""

MIN_GAP = 1 / 27
"""Distance of two thumbnails at least, as a share of the map's longer side."""

ACCURACY = "The accuracy of neighbours in the plane was"

Job = tuple[MapMethod, int]
"""A method, and the number of the codes that it lays out."""

_Once = Callable[[Hashable, Callable[[], Layout]], Layout]
_Places = Mapping[str, NDArray[np.int64]]


def draw_maps(
    rows: Sequence[Codes],
    settings: MapSettings = MapSettings(),  # noqa: B008
    *,
    once: _Once = lambda key, compute: compute(),
) -> Maps:
    """Lay the same points out in the plane from each of several codes.

    All maps of a method begin at the same places: the first two principal components of the raw
    pixels, where they are among the rows, and otherwise of each row itself.

    Parameters
    ----------
    rows : sequence of Codes
        Of one split. Where the first has two dimensions, ``code`` is a map of its own.
    settings : MapSettings
        Which maps.
    once : callable
        Takes a key and a function that draws a map that is no model's. Returns what the function
        returns, or what it returned for that key before.
    """
    places = _choose(rows[0], settings.points)
    codes = [_at(places, row.part) for row in rows]
    labels, unlabelled = _labels(rows[0], places)
    jobs, skipped = _jobs(rows, codes, settings.methods)
    start = _start(rows, codes, jobs, settings.seed)
    layouts: dict[MapMethod, list[Layout]] = {}
    for method, number in steps("maps", jobs, lambda job: _describe(job, rows)):
        row = rows[number]
        draw = partial(_layout, row, codes[number], labels, method, start(number), settings.seed)
        key = ("map", method, row.name, settings.points, settings.seed)
        layout = draw() if row.kind == "model" else once(key, draw)
        layouts.setdefault(method, []).append(layout)
    n = len(codes[0])
    scored = None if labels is None else labels[compared_points(n, labels)]
    return Maps(
        settings=settings,
        skipped=(*skipped, *(unlabelled if jobs else ())),
        protocol=_protocol(rows, places, jobs),
        points=_at(places, rows[0].index),
        labels=_stored_labels(rows[0], places),
        methods=tuple(
            MethodMaps(method=method, settings=map_settings(method, n), layouts=tuple(maps))
            for method, maps in layouts.items()
        ),
        guessing=guess_labels(labels, scored) if layouts else None,
        thumbnails=_thumbnails(rows[0], places, layouts),
        pictures=_pictures(rows[0], places) if layouts else None,
    )


def map_of(maps: Maps, codes: Codes, method: str) -> Map:
    """Take a map out of a result, so that it can be saved and new points be placed on it.

    Parameters
    ----------
    maps : Maps
        What `draw_maps` returned.
    codes : Codes
        Those that the map shows.
    method : str
        A method of which there is a map.

    Returns
    -------
    Map
        See `latentscape.analyses.maps.projections.place`.

    Raises
    ------
    ConfigError
        If there is no such map.
    """
    layouts = {str(name): layout for name, layout in maps.layouts(codes.name, codes.kind).items()}
    if method not in layouts:
        raise unknown(f"map of {codes.name}", method, layouts, ConfigError)
    (of_method,) = (item for item in maps.methods if item.method == method)
    rows = np.full(len(codes.split.dataset), -1)
    index = codes.index("all")
    rows[index] = np.arange(len(index))
    points = codes.part("all")[rows[maps.points]]
    return Map(codes.name, of_method.method, points, layouts[method].places, of_method.settings)


def farthest_points(places: Array, max_points: int, min_gap: float) -> NDArray[np.int64]:
    """Choose points that lie far from each other, each the farthest from those chosen before.

    Parameters
    ----------
    places : ndarray
        (n, 2).
    max_points : int
        How many points at most.
    min_gap : float
        How far squares at two points must be moved along an axis at least not to overlap.

    Returns
    -------
    ndarray of int64
        Their numbers, from the one nearest to the middle.
    """
    points = [int(np.abs(places - np.median(places, axis=0)).max(1).argmin())]
    gap = np.abs(places - places[points[0]]).max(1)
    while len(points) < max_points and gap.max() > max(min_gap, 0.0):
        points.append(int(gap.argmax()))
        gap = np.minimum(gap, np.abs(places - places[points[-1]]).max(1))
    return np.array(points)


def _layout(
    row: Codes, codes: Array, labels: Array | None, method: MapMethod, start: Array, seed: int
) -> Layout:
    """Draw a map and measure it."""
    began = perf_counter()
    projection = draw_map(row.name, codes, method, start, seed)
    seconds = perf_counter() - began
    return Layout(
        code=row.name,
        kind=row.kind,
        places=projection.places,
        fidelity=map_fidelity(projection.codes, projection.places, labels),
        seconds=seconds,
    )


def _choose(codes: Codes, points: int) -> _Places:
    """Choose the points: for each part their places in it."""
    of_test = _drawn(codes, "test", points)
    if points <= max(DEFAULT_POINTS, len(of_test)):
        return {"test": of_test}
    return {"test": of_test, "train": _drawn(codes, "train", points - len(of_test))}


def _drawn(codes: Codes, part: str, points: int) -> NDArray[np.int64]:
    """Draw so many places in a part at most."""
    return draw_subset(np.arange(len(codes.part(part))), codes.labels(part), points)


def _at(places: _Places, part: Callable[[str], Array]) -> Array:
    return np.concatenate([part(name)[index] for name, index in places.items()])


def _stored_labels(codes: Codes, places: _Places) -> NDArray[np.int64]:
    index, labels = _at(places, codes.index), codes.split.dataset.labels
    return np.full(len(index), -1) if labels is None else labels[index]


def _labels(codes: Codes, places: _Places) -> tuple[NDArray[np.int64] | None, list[Skip]]:
    """Return labels that accuracy can be measured with, or why there are none."""
    if codes.split.dataset.labels is None:
        return None, [Skip(item=ACCURACY, reason="no_labels")]
    labels = _stored_labels(codes, places)
    if len(np.unique(labels)) < 2:
        return None, [Skip(item=ACCURACY, reason="one_label")]
    return labels, []


def _describe(job: Job, rows: Sequence[Codes]) -> str:
    method, number = job
    return f"{METHOD_NAMES[method]} of {rows[number].name}"


def _jobs(
    rows: Sequence[Codes], codes: Sequence[Array], methods: Sequence[MapMethod]
) -> tuple[list[Job], list[Skip]]:
    """Return the maps that can be drawn, and why others cannot."""
    if (n := len(codes[0])) < MIN_POINTS:
        detail = {"points": n, "min_points": MIN_POINTS}
        return [], [Skip(item="Maps were", reason="few_points", detail=detail)]
    absent = {method: missing(method) for method in methods}
    # A map needs points that differ, whatever the training codes do.
    same = [
        is_constant(replace(row, train=points)) for row, points in zip(rows, codes, strict=True)
    ]
    numbers = [number for number, is_same in enumerate(same) if not is_same]
    jobs: list[Job] = []
    if rows[0].dim == 2 and 0 in numbers:
        jobs.append(("code", 0))
    jobs += [(method, number) for method in absent if not absent[method] for number in numbers]
    collapsed = [
        Skip(item=row.name, reason="no_map", detail={"codes": row.name})
        for row, is_same in zip(rows, same, strict=True)
        if is_same
    ]
    return jobs, [*filter(None, absent.values()), *collapsed]


def _start(
    rows: Sequence[Codes], codes: Sequence[Array], jobs: Sequence[Job], seed: int
) -> Callable[[int], Array]:
    """Return a function from a row's number to the places where its maps begin."""
    pixels = _pixels(rows, jobs)

    @cache
    def start(number: int) -> Array:
        return start_places(codes[number], seed)

    return lambda number: start(number if pixels is None else pixels)


def _pixels(rows: Sequence[Codes], jobs: Sequence[Job]) -> int | None:
    """Return the number of the row whose principal components all maps begin at."""
    numbers = {number for _, number in jobs}
    return next((n for n, row in enumerate(rows) if row.kind == "pixels" and n in numbers), None)


def _protocol(rows: Sequence[Codes], places: _Places, jobs: Sequence[Job]) -> MapProtocol:
    n = sum(map(len, places.values()))
    return MapProtocol(
        n_test=len(places["test"]),
        n_train=len(places.get("train", ())),
        start="codes" if _pixels(rows, jobs) is None else "pixels",
        neighbours=max(0, neighbourhood_size(n)),
        n_compared=min(n, MAX_QUERIES),
    )


def _thumbnails(
    codes: Codes, places: _Places, layouts: Mapping[MapMethod, Sequence[Layout]]
) -> Thumbnails | None:
    """Choose images to put on a map, far from each other on the first row's own one."""
    dataset, index = codes.split.dataset, _at(places, codes.index)
    if not layouts or len(dataset.shape) != 3:
        return None
    everything = [layout for method in PREFERRED for layout in layouts.get(method, ())]
    own = [item for item in everything if (item.code, item.kind) == (codes.name, codes.kind)]
    plane = (own or everything)[0].places
    count = max_images(MAX_THUMBNAILS, int(np.prod(dataset.shape)))
    points = farthest_points(plane, count, MIN_GAP * float(np.ptp(plane, axis=0).max()))
    images = scaled(torch.from_numpy(dataset.images.take(index[points])), dataset.value_range)
    return Thumbnails(images=images.numpy(), points=points)


def _pictures(codes: Codes, places: _Places) -> NDArray[np.uint8] | None:
    """Make small pictures of all points, of one channel or three."""
    dataset, index = codes.split.dataset, _at(places, codes.index)
    if len(dataset.shape) != 3 or len(index) > MAX_PICTURES:
        return None
    factor = min(1.0, SIDES[0] / max(dataset.shape[1:]))
    size = [max(1, round(side * factor)) for side in dataset.shape[1:]]
    shape = (dataset.shape[0], *size)
    chunks = []
    for start in range(0, len(index), CHUNK):
        images = dataset.images.take(index[start : start + CHUNK])
        small = visible(reduce_examples(images, dataset.value_range, shape))
        chunks.append(small.round().astype(np.uint8))
    return np.concatenate(chunks)
