"""Projections: the same points laid out in the plane from different codes, by several methods."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.maps.fidelity import QUERIES, Scores, map_quality, neighbourhood_size
from latentscape.analyses.maps.projections import Map, draw_map, map_settings, missing, start_places
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.records import Array, Codes, Findings
from latentscape.core.units import MAPS
from latentscape.evaluation.codes import constant
from latentscape.evaluation.pictures import VALUES
from latentscape.inference.batches import subsample
from latentscape.model import scaled

METHODS = ("pca", "tsne", "umap")
POINTS = 2000
FEWEST = 5
"""Points of which a map can be made."""
THUMBNAILS = 150
APART = 1 / 27
"""Distance of two thumbnails at least, as a share of the map's longer side."""

PICTURED = ("code", "tsne", "umap", "pca")
"""The methods in the order in which images are put on their maps."""

_Job = tuple[str, int]
_Watch = Callable[[Sequence[_Job]], Iterable[_Job]]
_Once = Callable[[Hashable, Callable[[], Any]], Any]
_Chosen = Mapping[str, NDArray[np.int64]]

_SETTINGS = {
    "code": "the two numbers as they are",
    "pca": "the first two principal components of these points",
    "tsne": "perplexity {perplexity:.3g}, by openTSNE",
    "umap": "{n_neighbors:g} neighbours, minimal distance {min_dist:g}, by umap-learn",
}
_NOTHING: Scores = {
    "trustworthiness": None,
    "continuity": None,
    "map_accuracy": None,
    "seconds": None,
}


def project_codes(
    rows: Sequence[Codes],
    *,
    methods: Sequence[str] = METHODS,
    points: int = POINTS,
    seed: int = 0,
    watch: _Watch = iter,
    once: _Once = lambda key, make: make(),
) -> Findings:
    """Lay the same points out in the plane from each of several codes.

    All maps of a method begin at the same places: the first two principal components of the raw
    pixels, where they are among the rows, and otherwise of each row itself.

    Parameters
    ----------
    rows : sequence of Codes
        Of one split. Where the first has two dimensions, ``code`` is a map of its own.
    methods : sequence of str
        Of `METHODS`. Those whose package is not installed are left out.
    points : int
        How many test examples, spaced evenly over the test part; all of it where it is smaller.
        Where more than 2,000 are asked for, and more than it has, training examples follow.
    seed : int
        Draws the noise at the start, and what UMAP draws.
    watch : callable
        Is given a (method, row number) for each map to be drawn, and hands them out: for a
        progress bar.
    once : callable
        Is given a key and a function that draws a map that is no model's, and returns what the
        function returns, or what it returned for that key before.

    Returns
    -------
    Findings
        ``values``: ``protocol``; ``left_out``, sentences; ``rows``, each with ``name``, ``kind``
        and ``dim``; ``maps``, each with ``method``, ``n`` points, ``neighbours`` that the scores
        compare, ``settings``, ``protocol`` and ``scores``: for every row those of `map_quality` and
        ``seconds``, None where there is no map. ``arrays``: ``map_<method>_<row>`` (n, 2) float32;
        ``map_points`` (n,) indices into the dataset; ``map_labels`` (n,), -1 without labels; and of
        images ``map_images`` (m, *shape) on the scale 0 to 1, to be shown at the points
        ``map_image_places`` (m,).

    Raises
    ------
    ConfigError
        If there is no such method, or the points are too few for a map.
    """
    _check(methods, points)
    chosen = _choose(rows[0], points)
    codes = [_at(chosen, row.part) for row in rows]
    labels, left_out = _labels(rows[0], chosen)
    jobs, reasons = _jobs(rows, codes, methods)
    start = _start(rows, codes, jobs, seed)
    arrays: dict[str, Array] = {}
    scores: dict[_Job, Scores] = {}
    for method, number in watch(jobs):
        row = rows[number]
        draw = partial(_drawn, row.name, codes[number], labels, method, start(number), seed)
        shared = row.kind != "model"
        key = ("map", method, row.name, points, seed)
        places, scores[method, number] = once(key, draw) if shared else draw()
        arrays[f"map_{method}_{number}"] = places
    values = {
        "protocol": _protocol(rows, chosen, jobs) if jobs else "",
        "left_out": reasons + (left_out if jobs else []),
        "rows": [{"name": row.name, "kind": row.kind, "dim": row.dim} for row in rows],
        "maps": _maps(scores, len(rows), len(codes[0])),
    }
    return Findings(values, arrays | _shown(rows[0], chosen, arrays))


def _drawn(
    name: str, codes: Array, labels: Array | None, method: str, start: Array, seed: int
) -> tuple[Array, Scores]:
    """Draw a map and measure it."""
    began = perf_counter()
    drawn = draw_map(name, codes, method, start, seed)
    seconds = perf_counter() - began
    return drawn.places, {**map_quality(drawn.codes, drawn.places, labels), "seconds": seconds}


def map_of(findings: Findings, codes: Codes, method: str, number: int = 0) -> Map:
    """Take a map out of findings, so that it can be saved and new points be placed on it.

    Parameters
    ----------
    findings : Findings
        What `project_codes` returned, or the arrays and ``maps`` of it.
    codes : Codes
        The row that the map shows.
    method : str
        A method of which there is a map.
    number : int
        Of the row.

    Returns
    -------
    Map
        See `latentscape.analyses.maps.projections.place`.

    Raises
    ------
    ConfigError
        If there is no such map.
    """
    there = [m for m in MAPS if f"map_{m}_{number}" in findings.arrays]
    if method not in there:
        raise unknown(f"map of {codes.name}", method, there, ConfigError)
    where = np.full(len(codes.split.dataset), -1)
    index = codes.index("all")
    where[index] = np.arange(len(index))
    points = codes.part("all")[where[findings.arrays["map_points"]]]
    settings = next(m["settings"] for m in findings.values["maps"] if m["method"] == method)
    return Map(codes.name, method, points, findings.arrays[f"map_{method}_{number}"], settings)


def spread_out(places: Array, most: int, apart: float) -> NDArray[np.int64]:
    """Choose points that lie far from each other, each the farthest from those chosen before.

    Parameters
    ----------
    places : ndarray
        (n, 2).
    most : int
        How many points at most.
    apart : float
        How far squares at two points must be moved along an axis at least not to overlap.

    Returns
    -------
    ndarray of int64
        Their numbers, from the one nearest to the middle.
    """
    chosen = [int(np.abs(places - np.median(places, axis=0)).max(1).argmin())]
    gap = np.abs(places - places[chosen[0]]).max(1)
    while len(chosen) < most and gap.max() > max(apart, 0.0):
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, np.abs(places - places[chosen[-1]]).max(1))
    return np.array(chosen)


def _check(methods: Sequence[str], points: int) -> None:
    for method in methods:
        if method not in METHODS:
            raise unknown("method", method, METHODS, ConfigError)
    if points < FEWEST:
        raise ConfigError(f"A map of {points} points was asked for", expected=f"{FEWEST} or more")


def _choose(codes: Codes, points: int) -> _Chosen:
    """Choose the points: for each part their places in it."""
    of_test = subsample(np.arange(len(codes.test)), points)
    if points <= max(POINTS, len(of_test)):
        return {"test": of_test}
    return {"test": of_test, "train": subsample(np.arange(len(codes.train)), points - len(of_test))}


def _at(chosen: _Chosen, part: Callable[[str], Array]) -> Array:
    return np.concatenate([part(name)[where] for name, where in chosen.items()])


def _labels(codes: Codes, chosen: _Chosen) -> tuple[NDArray[np.int64] | None, list[str]]:
    """Return labels that accuracy can be measured with, or why there are none."""
    why = "The accuracy of neighbours in the plane was left out: "
    if codes.split.dataset.labels is None:
        return None, [f"{why}the data have no labels"]
    labels = codes.split.dataset.labels[_at(chosen, codes.index)]
    if len(np.unique(labels)) < 2:
        return None, [f"{why}all points have the same label"]
    return labels, []


def _jobs(
    rows: Sequence[Codes], codes: Sequence[Array], methods: Sequence[str]
) -> tuple[list[_Job], list[str]]:
    """Return the maps that can be drawn, and why others cannot."""
    if (count := len(codes[0])) < FEWEST:
        return [], [f"Maps were left out: there are {count} points, and a map needs {FEWEST}"]
    absent = {method: missing(method) for method in methods}
    # A map needs points that differ, whatever the training codes do.
    same = [constant(replace(row, train=points)) for row, points in zip(rows, codes, strict=True)]
    numbers = [number for number, sentence in enumerate(same) if not sentence]
    jobs = [(method, number) for method in absent if not absent[method] for number in numbers]
    if rows[0].dim == 2 and 0 in numbers:
        jobs.insert(0, ("code", 0))
    reasons = [sentence for sentence in absent.values() if sentence]
    return jobs, reasons + [
        f"{sentence}, so there is no map of them" for sentence in same if sentence
    ]


def _start(
    rows: Sequence[Codes], codes: Sequence[Array], jobs: Sequence[_Job], seed: int
) -> Callable[[int], Array]:
    """Return a function from a row's number to the places where its maps begin."""
    pixels = _pixels(rows, jobs)

    @cache
    def start(number: int) -> Array:
        return start_places(codes[number], seed)

    return lambda number: start(number if pixels is None else pixels)


def _pixels(rows: Sequence[Codes], jobs: Sequence[_Job]) -> int | None:
    """Return the number of the row whose principal components all maps begin at."""
    drawn = {number for _, number in jobs}
    return next((n for n, row in enumerate(rows) if row.kind == "pixels" and n in drawn), None)


def _protocol(rows: Sequence[Codes], chosen: _Chosen, jobs: Sequence[_Job]) -> str:
    counts = {part: len(where) for part, where in chosen.items()}
    names = {"test": "test", "train": "training"}
    points = " and ".join(f"{count:,} {names[part]}" for part, count in counts.items())
    begin = "each row's own codes" if _pixels(rows, jobs) is None else "the raw pixels"
    total = sum(counts.values())
    k = neighbourhood_size(total)
    some = f", over {QUERIES:,} of the points" if total > QUERIES else ""
    return (
        f"{points} examples, spaced evenly; t-SNE and UMAP begin at the first two principal "
        f"components of {begin}. Trustworthiness and continuity compare the {k} nearest points "
        f"(Venna & Kaski 2001), and accuracy is that of a vote of the {k} nearest points in the "
        f"plane{some}."
    )


def _maps(scores: Mapping[_Job, Scores], rows: int, count: int) -> list[dict[str, Any]]:
    found = []
    for method in dict.fromkeys(method for method, _ in scores):
        settings = map_settings(method, count)
        found.append(
            {
                "method": method,
                "n": count,
                "neighbours": neighbourhood_size(count),
                "settings": settings,
                "protocol": _SETTINGS[method].format_map(settings),
                "scores": [scores.get((method, number), _NOTHING) for number in range(rows)],
            }
        )
    return found


def _shown(codes: Codes, chosen: _Chosen, maps: Mapping[str, Array]) -> dict[str, Array]:
    """Collect what the points are: indices, labels, and images of some of them."""
    dataset, index = codes.split.dataset, _at(chosen, codes.index)
    labels = np.full(len(index), -1) if dataset.labels is None else dataset.labels[index]
    arrays = {"map_points": index, "map_labels": labels}
    if not maps or len(dataset.shape) != 3:
        return arrays
    own = [maps[f"map_{method}_0"] for method in PICTURED if f"map_{method}_0" in maps]
    ground = (own or list(maps.values()))[0]
    most = max(1, min(THUMBNAILS, VALUES // math.prod(dataset.shape)))
    where = spread_out(ground, most, APART * float(np.ptp(ground, axis=0).max()))
    images = scaled(torch.from_numpy(dataset.images[index[where]]), dataset.value_range)
    return {**arrays, "map_images": images.numpy(), "map_image_places": where}
