"""The training images nearest to other images: in the space of codes, and pixel by pixel."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.codes import guess_labels
from latentscape.analyses.neighbours.result import NearestImages, Neighbours
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.findings import Skip
from latentscape.core.progress import stage
from latentscape.core.records import Array, Codes, Dataset
from latentscape.evaluation.codes import is_constant
from latentscape.inference.codec import encode
from latentscape.inference.inputs import read_inputs
from latentscape.model import Network, scaled

NEAREST = 8
MAX_TEST = 10_000
"""Test images that agreement counts, at most."""


@dataclass(frozen=True, eq=False)
class Nearest:
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


def nearest_places(points: Array, queries: Array, k: int) -> NDArray[np.int64]:
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


def nearest_images(codes: Codes, queries: Array, k: int = NEAREST) -> Nearest:
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
    Nearest
        An image that is itself in the training part is its own neighbour, at distance 0.

    Raises
    ------
    DataError
        If the queries are no codes of as many finite numbers.
    ConfigError
        If no neighbours are asked for.
    """
    _check(codes, queries, k)
    places = nearest_places(codes.train, queries, min(k, len(codes.train)))
    # Anew from the differences: equal codes are at distance 0, whatever the search rounded.
    distances = np.linalg.norm(codes.train[places] - queries[:, None], axis=2)
    index, dataset = codes.index("train")[places], codes.split.dataset
    return Nearest(index, distances, _images(dataset, index), _labels(dataset, index))


def image_neighbours(
    model: Network, data: Dataset, latent: Codes, pixels: Codes, k: int = NEAREST
) -> dict[str, Nearest]:
    """Find the training images nearest to other images, by a model's codes and by pixels.

    Parameters
    ----------
    model : Network
        The model that `latent` comes from.
    data : Dataset
        The images that are asked about, of the shape that the model takes.
    latent, pixels : Codes
        Those of `model_codes` and `pixel_codes`, of one split.
    k : int
        How many neighbours.

    Returns
    -------
    dict of str to Nearest
        ``latent`` and ``pixels``.

    Raises
    ------
    DataError
        If the images have another shape.
    ConfigError
        If no neighbours are asked for.
    """
    data, everything = read_inputs(model, data, latent.label_names), np.arange(len(data))
    codes = encode(model, data, everything)
    values = _images(data, everything).reshape(len(data), -1)
    return {
        "latent": nearest_images(latent, codes, k),
        "pixels": nearest_images(pixels, values, k),
    }


@stage("neighbours")
def find_neighbours(
    latent: Codes, pixels: Codes, index: NDArray[np.int64], k: int = NEAREST
) -> Neighbours:
    """Find the training images nearest to test images, by codes and by pixels.

    Parameters
    ----------
    latent, pixels : Codes
        Of one split.
    index : ndarray of int64
        (q,) indices into the dataset of the test examples to show.
    k : int
        How many neighbours to show.
    """
    dataset, skipped = latent.split.dataset, list[Skip]()
    places = np.searchsorted(latent.index("test"), index)
    tested = np.searchsorted(latent.index("test"), latent.split.subset("test", MAX_TEST))
    pictured, agreement = dict[str, NearestImages](), dict[str, float]()
    if dataset.labels is None:
        skipped.append(Skip(item="Agreement was", reason="no_labels"))
    for space, codes in {"latent": latent, "pixels": pixels}.items():
        if is_constant(codes):
            skipped.append(Skip(item=space, reason="no_distance", detail={"codes": codes.name}))
            continue
        nearest = nearest_images(codes, codes.test[places], k)
        pictured[space] = NearestImages(images=nearest.images, labels=nearest.labels)
        if dataset.labels is not None:
            agreement[space] = _agreement(codes, tested)
    return Neighbours(
        protocol=Protocol(
            fitted_on="train",
            n_fitted=len(latent.train),
            scored_on="test",
            n_scored=len(tested),
            labels="scoring",
        ),
        skipped=tuple(skipped),
        k=min(k, len(latent.train)),
        guessing=guess_labels(latent.labels("train"), latent.labels("test")),
        queries=_images(dataset, index),
        query_labels=_labels(dataset, index),
        latent=pictured.get("latent"),
        pixels=pictured.get("pixels"),
        agreement_latent=agreement.get("latent"),
        agreement_pixels=agreement.get("pixels"),
    )


def _agreement(codes: Codes, tested: NDArray[np.int64]) -> float:
    """Return the share of test images whose nearest training image has their label."""
    train, test = codes.labels("train"), codes.labels("test")
    assert train is not None
    assert test is not None
    places = nearest_places(codes.train, codes.test[tested], 1)[:, 0]
    return float((train[places] == test[tested]).mean())


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
    images = dataset.images.take(index.reshape(-1)).reshape(*index.shape, *dataset.shape)
    return scaled(torch.from_numpy(images), dataset.value_range).numpy()


def _labels(dataset: Dataset, index: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.full(index.shape, -1) if dataset.labels is None else dataset.labels[index]
