"""Ways to put points into clusters, and to choose how many clusters, all without labels."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from latentscape.analyses.clusters.partitions import Assignment, silhouette
from latentscape.analyses.clusters.result import NumberChoice
from latentscape.analyses.umap import POINTS_PER_SECOND, Umap
from latentscape.core.progress import steps
from latentscape.core.randomness import derive_seed
from latentscape.core.records import Array
from latentscape.core.runtime import limited_threads, one_thread
from latentscape.core.subsets import draw_subset

RESTARTS = 10
STEPS = 100
"""Of K-means: codes without any structure take hundreds of steps, which hardly lower inertia."""

SEEDS = 5
"""Of K-means: its accuracy on raw pixels varies by a point or two with the seed."""

SERIAL_VALUES = 3_000_000
"""Numbers up to which K-means takes one thread."""

STARTS = 5
"""Of a mixture, each from another K-means."""

NEIGHBOURS = 20
"""In the graphs of agglomerative clustering and of UMAP."""

VOTERS = 5

MAP_DIM, MAP_EPOCHS = 2, 200
"""Dimensions of the map that UMAP lays out, and for how long: clusters stand apart by then."""

CHUNK = 4096
"""Points that are placed on the map at once. UMAP compares up to 4,096 of them with all others."""

MAX_CLUSTERS = 20
"""Largest number of clusters that is tried where the number is chosen."""

MAX_TRIED_ON = 3000
"""Points that a number of clusters is tried on, at most."""

MAX_DIM = 64
"""Longest code that all methods take as it is. Of longer ones they see components; K-means starts
from these, which takes a tenth of the time, and then sees the codes themselves."""

MAX_VALUES = 1 << 23
"""Numbers that a method is fitted to, at most: 131,072 codes of 64, or 10,699 of 784."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """Points in clusters, and how further points find theirs.

    Attributes
    ----------
    clusters : ndarray of int64
        (n,) of the points that it was fitted to.
    assign : callable
        From points (m, D) to their clusters (m,); can be pickled.
    centres : ndarray or None
        (k, D) of K-means.
    """

    clusters: Assignment
    assign: Callable[[Array], Assignment]
    centres: Array | None = None


def k_means(points: Array, k: int, seed: int) -> Clustering:
    """Cluster with K-means: of 10 restarts (Arthur and Vassilvitskii 2007) the least inertia.

    Parameters
    ----------
    points : ndarray of float32
        (n, D).
    k : int
        How many clusters, no more than points. Fewer come out where points are the same.
    seed : int
        Draws where they start.
    """
    return _converged(points, k, n_init=RESTARTS, random_state=_state(seed, "kmeans"))


def k_means_from(points: Array, clusters: Assignment, k: int) -> Clustering:
    """Go on with K-means from clusters (n,) of points (n, D): those of a part of their dimensions.

    The least inertia of many restarts is found in few dimensions, and here in all.
    """
    members = (clusters == cluster for cluster in range(k))
    centres = [points[own].mean(0) if own.any() else points.mean(0) for own in members]
    return _converged(points, k, n_init=1, init=np.stack(centres))


def _converged(points: Array, k: int, **start: Any) -> Clustering:
    from sklearn.cluster import KMeans

    model = KMeans(k, max_iter=STEPS, **start)
    # Threads wait for each other after every step: on a busy machine ten times as long as alone.
    threads = 1 if points.size < SERIAL_VALUES else None
    with _whether_converged_or_not(), limited_threads(threads):
        model.fit(points)
    clusters = model.labels_.astype(np.int64)
    return Clustering(clusters, partial(_nearest_centre, model), model.cluster_centers_)


def gaussian_mixture(points: Array, k: int, seed: int) -> Clustering:
    """Cluster with a mixture of Gaussians: of 5 starts the greatest likelihood.

    Covariances are full, or diagonal where there are too few points for that.

    Parameters
    ----------
    points : ndarray of float32
        (n, D), with n at least `k`.
    k : int
        How many Gaussians.
    seed : int
        Draws where they start.
    """
    mixture = _Mixture(points, k, seed)
    return Clustering(mixture.assign(points), mixture.assign)


def agglomerative(points: Array, k: int, seed: int) -> Clustering:
    """Merge neighbours, and then neighbouring clusters, with the least growth in variance.

    Ward's linkage (1963) on the graph of nearest neighbours; others take the cluster that most of
    their 5 nearest points are in.

    Parameters
    ----------
    points : ndarray of float32
        (n, D), with n at least 2.
    k : int
        How many clusters, no more than points.
    seed : int
        Is not needed: nothing is drawn.
    """
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph

    graph = kneighbors_graph(points, min(NEIGHBOURS, len(points) - 1))
    model = AgglomerativeClustering(k, connectivity=graph, linkage="ward")
    with warnings.catch_warnings():
        # It joins the parts of a graph that is not connected, which is what we want.
        warnings.filterwarnings("ignore", "the number of connected components", UserWarning)
        clusters = model.fit_predict(points).astype(np.int64)
    vote = KNeighborsClassifier(min(VOTERS, len(points))).fit(points, clusters)
    return Clustering(clusters, vote.predict)


def umap_mixture(points: Array, k: int, seed: int) -> Clustering:
    """Cluster the map that UMAP makes with a mixture of Gaussians (McInnes et al. 2018).

    The two steps of McConville et al. (2021), "N2D", here with a map of 2 dimensions: others are
    placed on the map first.

    Parameters
    ----------
    points : ndarray of float32
        (n, D), more than 20.
    k : int
        How many clusters.
    seed : int
        Draws the map and where the mixture starts.

    Raises
    ------
    ImportError
        Without the package umap-learn.
    """
    umap = Umap(
        n_neighbors=NEIGHBOURS,
        min_dist=0.0,
        n_components=min(MAP_DIM, points.shape[1]),
        n_epochs=MAP_EPOCHS,
        random_state=_state(seed, "umap"),
    )
    places = umap.fit(points)
    mixture = _Mixture(places, k, seed)
    return Clustering(mixture.assign(places), partial(_by_place, umap, mixture))


def choose_number(
    points: Array, by: Literal["silhouette", "BIC"], seed: int
) -> tuple[int, NumberChoice]:
    """Choose a number of clusters without labels: from 2 to 20, the one with the best score.

    Parameters
    ----------
    points : ndarray of float32
        (n, D), 3 at least; at most 3,000 are looked at, drawn at random.
    by : str
        ``silhouette``, the greatest of K-means (Rousseeuw 1987); or ``BIC``, the least of a mixture
        (Schwarz 1978).
    seed : int
        As of `k_means` and `gaussian_mixture`.

    Returns
    -------
    int
        The number.
    NumberChoice
        Each number that was tried, and its score.
    """
    score, best = {"silhouette": (_silhouette, max), "BIC": (_bic, min)}[by]
    sample = points[draw_subset(np.arange(len(points)), None, MAX_TRIED_ON, seed)]
    numbers = range(2, min(MAX_CLUSTERS, len(sample) - 1) + 1)
    each = steps("number of clusters", numbers, lambda k: f"{k} by {by}")
    scores = {k: score(sample, k, seed) for k in each}
    k = best(scores, key=lambda number: scores[number])
    return k, NumberChoice(by=by, tried=tuple(scores.items()))


def _silhouette(points: Array, k: int, seed: int) -> float:
    return silhouette(points, k_means(points, k, seed).clusters) or 0.0


def _bic(points: Array, k: int, seed: int) -> float:
    mixture = _Mixture(points, k, seed, starts=1)
    return float(mixture.model.bic(mixture.scaled(points)))


class _Mixture:
    """Gaussians fitted to points."""

    def __init__(self, points: Array, k: int, seed: int, starts: int = STARTS) -> None:
        from sklearn.mixture import GaussianMixture

        # In units of their subsample, so that what keeps variances above zero suits any points.
        self.centre = points.mean(0, dtype=np.float64)
        self.unit = np.sqrt(points.var(0, dtype=np.float64).mean()) or 1.0
        kind = "full" if len(points) >= k * (points.shape[1] + 1) else "diag"
        self.model: Any = GaussianMixture(
            k, covariance_type=kind, n_init=starts, random_state=_state(seed, "gmm")
        )
        # Its many small products only wait for each other on threads: 25 times as long on two.
        with _whether_converged_or_not(), one_thread():
            self.model.fit(self.scaled(points))

    def scaled(self, points: Array) -> Array:
        scaled: Array = (points - self.centre) / self.unit
        return scaled

    def assign(self, points: Array) -> Assignment:
        with one_thread():
            clusters: Assignment = self.model.predict(self.scaled(points))
        return clusters


def _nearest_centre(model: Any, points: Array) -> Assignment:
    clusters: Assignment = model.predict(points).astype(np.int64)
    return clusters


def _by_place(umap: Umap, mixture: _Mixture, points: Array) -> Assignment:
    """Place points on a map, and return their clusters there."""
    chunks = (points[start : start + CHUNK] for start in range(0, len(points), CHUNK))
    return mixture.assign(np.concatenate([umap.place(chunk) for chunk in chunks]))


def _state(seed: int, purpose: str) -> int:
    return derive_seed(seed, purpose) % 2**32


@contextmanager
def _whether_converged_or_not() -> Iterator[None]:
    """Accept points that are the same, and the last of many steps; the callers count clusters."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@dataclass(frozen=True)
class Method:
    """A way to cluster.

    Attributes
    ----------
    fit : callable
        From points (n, D), a number of clusters and a seed to a `Clustering`.
    max_points : int
        Points to fit to, at most.
    repeats : int
        Seeds whose scores are averaged.
    go_on : callable, optional
        From points that are longer than `MAX_DIM`, the clusters of their components and their
        number to a `Clustering` of the points themselves.
    seconds : callable
        From the number and the length of points to how long a machine takes, roughly.
    """

    fit: Callable[[Array, int, int], Clustering]
    seconds: Callable[[int, int], float]
    max_points: int = MAX_VALUES
    repeats: int = 1
    go_on: Callable[[Array, Assignment, int], Clustering] | None = None


CLUSTERERS = {
    "kmeans": Method(
        k_means, lambda n, dim: n * (dim + 60) / 600_000, repeats=SEEDS, go_on=k_means_from
    ),
    "gmm": Method(gaussian_mixture, lambda n, dim: n * (dim + 20) ** 2 / 1e7, 20_000),
    "agglomerative": Method(agglomerative, lambda n, dim: n / 4000, 10_000),
    "umap": Method(umap_mixture, lambda n, dim: n / (1.5 * POINTS_PER_SECOND), 100_000),
}
"""All of them, by the keys of `latentscape.analyses.clusters.result.METHODS`."""
