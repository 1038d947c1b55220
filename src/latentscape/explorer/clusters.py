"""Clusters of the points: K-means on the codes."""

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.clusters.clusterers import MAX_VALUES, choose_number, k_means
from latentscape.analyses.clusters.result import Clusters as ClusterFindings
from latentscape.core.records import Array
from latentscape.core.subsets import draw_subset
from latentscape.evaluation.codes import are_same
from latentscape.explorer.contents import Clusters
from latentscape.explorer.explored import Explored, Piece

MAX_FITTED = 20_000
"""Codes that clusters are fitted to, at most."""

MAX_CLUSTERS = 50
"""Labels up to which there are as many clusters; with more of them their number is chosen."""


def cluster(explored: Explored) -> Piece:
    """Put the points into clusters that are fitted to training codes, or to their own."""
    codes, labels = _fitted(explored)
    if len(codes) < 3 or are_same(codes):
        return Piece()
    k = min(_number(explored, codes, labels), len(codes))
    clustering = k_means(codes, k, 0)
    clusters = clustering.assign(explored.point_codes)
    names = _names(k, clustering.clusters, labels, explored)
    facts = Clusters(name=f"K-means, {k} clusters", names=names)
    return Piece({"clusters": facts}, {"clusters": clusters.astype(np.int32)})


def _fitted(explored: Explored) -> tuple[Array, NDArray[np.int64] | None]:
    """Return the codes (n, D) to fit to, and their labels."""
    if explored.codes is not None:
        codes, labels = explored.codes.train, explored.codes.labels("train")
    else:
        codes, labels = explored.point_codes, explored.points.labels
    places = draw_subset(np.arange(len(codes)), None, min(MAX_FITTED, MAX_VALUES // codes.shape[1]))
    return codes[places], None if labels is None else labels[places]


def _number(explored: Explored, codes: Array, labels: NDArray[np.int64] | None) -> int:
    """Return as many clusters as labels, or as many as the run's findings or the codes suggest."""
    classes = 0 if labels is None else len(np.unique(labels))
    if 1 < classes <= MAX_CLUSTERS:
        return classes
    known = explored.opened.findings.get(ClusterFindings)
    kept = None if known is None else known.rows[0].k
    return choose_number(codes, "silhouette", 0)[0] if kept is None else kept


def _names(
    k: int, clusters: NDArray[np.int64], labels: NDArray[np.int64] | None, explored: Explored
) -> tuple[str, ...]:
    """Call each cluster by its number, and by the label that most of its examples have."""
    names = [f"Cluster {number}" for number in range(1, k + 1)]
    if labels is None:
        return tuple(names)
    dataset = explored.points.dataset if explored.split is None else explored.split.dataset
    for number in range(k):
        counts = np.bincount(labels[clusters == number], minlength=1)
        if counts.any():
            names[number] += f" (mostly {dataset.label_names[counts.argmax()]})"
    return tuple(names)
