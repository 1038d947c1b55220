"""What clusters look like: mean images, and the examples nearest to and farthest from a centre."""

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.clusters.partitions import Assignment
from latentscape.analyses.clusters.result import ClusterPictures
from latentscape.core.records import Array, Codes, Dataset
from latentscape.evaluation.reconstruction import kept_examples
from latentscape.inference.batches import stored, stored_batches
from latentscape.model import scaled

N_EXAMPLES = 8
"""Examples of a cluster that are nearest to its centre, and as many that are farthest."""


def cluster_pictures(
    codes: Codes, part: str, clusters: Assignment, centres: Array
) -> ClusterPictures:
    """Picture clusters by their mean images and by examples near their centres and far from them.

    Parameters
    ----------
    codes : Codes
        What was clustered.
    part : str
        ``test`` or ``all``, of which the pictures are.
    clusters : ndarray of int64
        (n,) the cluster of each example of the part.
    centres : ndarray
        (k, D) in the space of the codes.

    Returns
    -------
    ClusterPictures
        On the scale 0 to 1.
    """
    dataset, index, points = codes.split.dataset, codes.index(part), codes.part(part)
    test = codes.split.test
    # The test part is the last of all.
    test_clusters = clusters[-len(test) :][np.searchsorted(test, kept_examples(codes.split))]
    if len(dataset.shape) != 3:
        return ClusterPictures(test_clusters=test_clusters)
    members = [index[_by_distance(points, clusters == i, c)] for i, c in enumerate(centres)]
    return ClusterPictures(
        test_clusters=test_clusters,
        means=np.stack([_mean(dataset, places) for places in members]),
        nearest=np.stack([_examples(dataset, places[:N_EXAMPLES]) for places in members]),
        farthest=np.stack([_examples(dataset, places[::-1][:N_EXAMPLES]) for places in members]),
    )


def _by_distance(points: Array, is_member: NDArray[np.bool_], centre: Array) -> NDArray[np.int64]:
    """Return the places of the members of a cluster, the nearest to its centre first."""
    places = np.flatnonzero(is_member)
    distance = np.linalg.norm(points[places] - centre, axis=1)
    return places[np.argsort(distance, kind="stable")]


def _mean(dataset: Dataset, index: NDArray[np.int64]) -> Array:
    """Return the mean image; NaN where there are no images."""
    total = np.zeros(dataset.shape)
    for images, _ in stored_batches(dataset, index):
        total += scaled(images, dataset.value_range).sum(0, dtype=torch.float64).numpy()
    return (total / (len(index) or np.nan)).astype(np.float32)


def _examples(dataset: Dataset, index: NDArray[np.int64]) -> Array:
    """Return 8 images, of which NaN are those that are not there."""
    images, _ = stored(dataset, index)
    padded = np.full((N_EXAMPLES, *dataset.shape), np.nan, np.float32)
    padded[: len(index)] = scaled(images, dataset.value_range).numpy()
    return padded
