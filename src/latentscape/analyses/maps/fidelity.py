"""How faithful a map is: whose neighbours in the plane are neighbours in the code, and back."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.analyses.maps.result import Fidelity
from latentscape.core.records import Array
from latentscape.core.subsets import draw_subset

NEIGHBOURS = 10
MAX_QUERIES = 2000
"""Points whose neighbours are compared, at most; the neighbours are sought among all points."""
MAX_VALUES = 1 << 22
"""Distances held at once: 32 MB."""
RESOLUTION = 1e-6
"""Share of the points' extent below which distances are the same: what float32 can tell."""


def neighbourhood_size(count: int) -> int:
    """Return how many neighbours are compared: 10, or as many as so few points allow.

    The scores range from 0 to 1 only while the neighbours are fewer than half of the points.
    """
    return min(NEIGHBOURS, (count - 1) // 2)


def compared_points(count: int, labels: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Draw the points whose neighbours are compared, of each label (count,) its share."""
    return draw_subset(np.arange(count), labels, MAX_QUERIES)


def map_fidelity(codes: Array, places: Array, labels: NDArray[np.int64] | None = None) -> Fidelity:
    """Compare the neighbours of points in the plane with their neighbours in the code.

    Parameters
    ----------
    codes : ndarray of float32
        (n, D), n at least 3.
    places : ndarray of float32
        (n, 2) where the map shows them.
    labels : ndarray of int64, optional
        (n,) from 0.

    Returns
    -------
    Fidelity
        ``trustworthiness``: 1 where no point has become a neighbour that was far away, less the
        farther away such points were (Venna & Kaski 2001). ``continuity``: the same with plane and
        code swapped, 1 where no neighbour has been torn away. ``accuracy``: share of points whose
        label most of their neighbours in the plane have, of equally many the first; None without
        labels. Of points that are equally far all count as the nearest of them. The means are over
        at most 2,000 points, drawn at random.
    """
    k = neighbourhood_size(len(codes))
    queries = torch.from_numpy(compared_points(len(codes), labels))
    high, plane = _in_steps(codes), _in_steps(places)
    classes = None if labels is None else torch.from_numpy(labels)
    intruded = torn = right = 0.0
    for chunk in torch.split(queries, max(1, MAX_VALUES // len(codes))):
        in_code, in_plane = _distances(high, chunk), _distances(plane, chunk)
        neighbours = in_plane.topk(k, largest=False).indices
        intruded += _excess_ranks(in_code, neighbours)
        torn += _excess_ranks(in_plane, in_code.topk(k, largest=False).indices)
        if classes is not None:
            right += float((_majority(classes, neighbours) == classes[chunk]).sum())
    worst = len(queries) * k * (2 * len(codes) - 3 * k - 1) / 2
    return Fidelity(
        trustworthiness=1 - intruded / worst,
        continuity=1 - torn / worst,
        accuracy=None if classes is None else right / len(queries),
    )


def _in_steps(points: Array) -> Tensor:
    """Return points (n, D) around 0, in units of the smallest distance that counts."""
    centred = points - points.mean(0, dtype=np.float64)
    return torch.from_numpy(centred / (RESOLUTION * np.sqrt(np.square(centred).sum(1).mean())))


def _distances(points: Tensor, chunk: Tensor) -> Tensor:
    """Return distances (c, n) of some of the points to all; no point is a neighbour of itself."""
    # By a matrix product, many times faster; rounding puts equal points back to distance 0.
    distances = torch.cdist(points[chunk], points, compute_mode="use_mm_for_euclid_dist").round_()
    distances[torch.arange(len(chunk)), chunk] = torch.inf
    return distances


def _excess_ranks(distances: Tensor, neighbours: Tensor) -> float:
    """Sum by how much the ranks of neighbours (c, k), 1 for the nearest point, exceed k."""
    own = distances.gather(1, neighbours)
    ranks = torch.searchsorted(distances.sort(1).values, own) + 1
    return float((ranks - neighbours.shape[1]).clamp(min=0).sum(dtype=torch.float64))


def _majority(labels: Tensor, neighbours: Tensor) -> Tensor:
    """Return the label (c,) that most of the neighbours (c, k) have."""
    votes = torch.zeros(len(neighbours), int(labels.max()) + 1)
    votes.scatter_add_(1, labels[neighbours], torch.ones(neighbours.shape))
    return votes.argmax(1)
