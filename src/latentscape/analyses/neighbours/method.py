"""The training images nearest to given images: in the space of codes, and pixel by pixel."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Array, Codes, Dataset, Findings
from latentscape.evaluation.codes import constant
from latentscape.inference.batches import as_trained_on, subsample
from latentscape.inference.codec import encode
from latentscape.model import Network, scaled

NEAREST = 8
MAX_TEST = 10_000
"""Test images that agreement counts, at most."""

PROTOCOL = (
    "Neighbours are training images, by Euclidean distance of the codes and of the pixels. "
    "Agreement is the share of test images whose nearest training image has the same label."
)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The training images nearest to some queries, the nearest first.

    Attributes
    ----------
    index : ndarray of int64
        (n, k) indices into the dataset.
    distances : ndarray of float32
        (n, k) Euclidean distances of the codes.
    images : ndarray of float32
        (n, k, *shape) on the scale 0 to 1.
    labels : ndarray of int64
        (n, k); -1 without labels.
    """

    index: NDArray[np.int64]
    distances: Array
    images: Array
    labels: NDArray[np.int64]


def nearest(points: Array, queries: Array, k: int) -> NDArray[np.int64]:
    """Find the nearest points by Euclidean distance, exactly, a chunk of queries at a time.

    Parameters
    ----------
    points : ndarray of float32
        (N, D).
    queries : ndarray of float32
        (n, D).
    k : int
        How many; no more than there are points.

    Returns
    -------
    ndarray of int64
        (n, k) places in `points`, the nearest first.
    """
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    places: NDArray[np.int64] = search.kneighbors(queries, return_distance=False)
    return places


def nearest_images(codes: Codes, queries: Array, k: int = NEAREST) -> Neighbours:
    """Find the training images whose codes are nearest to given ones.

    Parameters
    ----------
    codes : Codes
        Their training part is searched.
    queries : ndarray of float32
        (n, D) codes in the same space.
    k : int
        How many neighbours; all training images where there are fewer.

    Returns
    -------
    Neighbours
        An image that is itself in the training part is its own neighbour, at distance 0.

    Raises
    ------
    DataError
        If the queries are no codes of as many finite numbers.
    ConfigError
        If no neighbours are asked for.
    """
    _check(codes, queries, k)
    places = nearest(codes.train, queries, min(k, len(codes.train)))
    # Anew from the differences: equal codes are at distance 0, whatever the search rounded.
    distances = np.linalg.norm(codes.train[places] - queries[:, None], axis=2)
    index, dataset = codes.index("train")[places], codes.split.dataset
    return Neighbours(index, distances, _images(dataset, index), _labels(dataset, index))


def image_neighbours(
    model: Network, given: Dataset, latent: Codes, pixels: Codes, k: int = NEAREST
) -> dict[str, Neighbours]:
    """Find the training images nearest to given images, by a model's codes and by pixels.

    Parameters
    ----------
    model : Network
        The model that `latent` comes from.
    given : Dataset
        The images that are asked about, of the shape that the model takes.
    latent, pixels : Codes
        Those of `model_codes` and `pixel_codes`, of one split.
    k : int
        How many neighbours.

    Returns
    -------
    dict of str to Neighbours
        ``latent`` and ``pixels``.

    Raises
    ------
    DataError
        If the images have another shape.
    ConfigError
        If no neighbours are asked for.
    """
    everything = np.arange(len(given))
    images, labels = as_trained_on(latent.split.dataset, given, everything)
    codes = encode(model, replace(given, images=images, labels=labels), everything)
    values = _images(given, everything).reshape(len(given), -1)
    return {
        "latent": nearest_images(latent, codes, k),
        "pixels": nearest_images(pixels, values, k),
    }


def neighbour_findings(
    latent: Codes, pixels: Codes, index: NDArray[np.int64], k: int = NEAREST
) -> Findings:
    """Find the training images nearest to test images, by codes and by pixels.

    Parameters
    ----------
    latent, pixels : Codes
        Of one split.
    index : ndarray of int64
        (q,) indices into the dataset of the test examples to show.
    k : int
        How many neighbours to show.

    Returns
    -------
    Findings
        ``values``: ``k``; ``agreement``, for ``latent`` and ``pixels`` the share of test images
        whose nearest training image has the same label, empty without labels; ``n`` test images
        that it counts, 10,000 at most; ``protocol``; ``left_out``. ``arrays``:
        ``neighbour_queries`` (q, *shape) and ``neighbour_labels`` (q,); for both spaces
        ``neighbours_<space>`` (q, k, *shape) and ``neighbours_<space>_labels`` (q, k).
    """
    dataset = latent.split.dataset
    shown = np.searchsorted(latent.index("test"), index)
    tested = subsample(np.arange(len(latent.test)), MAX_TEST)
    values: dict[str, Any] = {
        "k": min(k, len(latent.train)),
        "n": len(tested),
        "agreement": {},
        "protocol": PROTOCOL,
        "left_out": [],
    }
    arrays: dict[str, Array] = {
        "neighbour_queries": _images(dataset, index),
        "neighbour_labels": _labels(dataset, index),
    }
    if dataset.labels is None:
        values["left_out"].append("Agreement was left out: the data have no labels.")
    for space, codes in {"latent": latent, "pixels": pixels}.items():
        if collapsed := constant(codes):
            values["left_out"].append(f"{collapsed}, so none is nearer than another.")
            continue
        found = nearest_images(codes, codes.test[shown], k)
        arrays |= {f"neighbours_{space}": found.images, f"neighbours_{space}_labels": found.labels}
        if dataset.labels is not None:
            values["agreement"][space] = _agreement(codes, tested)
    return Findings(values, arrays)


def _agreement(codes: Codes, tested: NDArray[np.int64]) -> float:
    """Return the share of test images whose nearest training image has their label."""
    train, test = codes.labels("train"), codes.labels("test")
    assert train is not None
    assert test is not None
    found = nearest(codes.train, codes.test[tested], 1)[:, 0]
    return float((train[found] == test[tested]).mean())


def _check(codes: Codes, queries: Array, k: int) -> None:
    if k < 1:
        raise ConfigError(f"{k} neighbours were asked for", expected="1 at least")
    if queries.ndim != 2 or queries.shape[1] != codes.dim:
        raise DataError(
            f"The queries are an array of shape {queries.shape}",
            expected=f"codes (n, {codes.dim}), as those of {codes.name}",
        )
    if not np.isfinite(queries).all():
        raise DataError("The queries have codes that are not finite (NaN or infinity)")


def _images(dataset: Dataset, index: NDArray[np.int64]) -> Array:
    """Return images (*index.shape, *shape) on the scale 0 to 1."""
    return scaled(torch.from_numpy(dataset.images[index]), dataset.value_range).numpy()


def _labels(dataset: Dataset, index: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.full(index.shape, -1) if dataset.labels is None else dataset.labels[index]
