"""UMAP as the analyses use it (McInnes et al. 2018, umap-learn): the same maps, many times faster.

Up to 4,096 points umap-learn compares all pairs, one call of Python for each: 25 s for 3,600 points
whose map takes 5 s. Here a compiled loop compares them, and hands over the distances. It also keeps
what Numba compiles, so that compiling takes 15 s once, and not in every process.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

import numpy as np

from latentscape.core.extras import load
from latentscape.core.progress import stage
from latentscape.core.records import Array
from latentscape.core.runtime import threads_restored

SMALL = 4096
"""Points below which umap-learn compares all of them with each other."""

POINTS_PER_SECOND = 700
COMPILING = 15.0
"""Seconds that a machine takes for it, if it has never done it."""


class Umap:
    """A map of points, on which others can be placed; it can be pickled.

    Parameters
    ----------
    n_neighbors : int
        Of each point in the graph.
    min_dist : float
        How near points may lie on the map.
    random_state : int
        Draws what it draws.
    n_components : int
        Dimensions of the map.
    init : str or ndarray
        Where it begins: ``spectral``, ``random``, or places (n, n_components).
    n_epochs : int, optional
        Of the layout; 0 leaves points where they begin.
    """

    def __init__(
        self,
        *,
        n_neighbors: int,
        min_dist: float,
        random_state: int,
        n_components: int = 2,
        init: Array | str = "spectral",
        n_epochs: int | None = None,
    ) -> None:
        _prepare()
        self._settings = {
            "n_neighbors": n_neighbors,
            "min_dist": min_dist,
            "random_state": random_state,
            "n_components": n_components,
            "init": init,
            "n_epochs": n_epochs,
            "n_jobs": 1,  # What a seed makes it take, and it would warn.
        }

    @threads_restored()
    def fit(self, points: Array) -> Array:
        """Lay points (n, D) out on the map: places (n, n_components)."""
        is_small = len(points) < SMALL
        self._points = points if is_small else None
        metric = "precomputed" if is_small else "euclidean"
        with _without_warnings():
            self.mapper = load("umap").UMAP(metric=metric, **self._settings)
            with stage("UMAP", seconds=len(points) / POINTS_PER_SECOND):
                return np.asarray(self.mapper.fit_transform(self._compared(points)))

    @threads_restored()
    def place(self, points: Array) -> Array:
        """Place points (m, D) on the map: (m, n_components)."""
        with _without_warnings():
            return np.asarray(self.mapper.transform(self._compared(points)))

    def move(self, places: Array) -> None:
        """Let the points that it was fitted to lie elsewhere."""
        self.mapper.embedding_, self.mapper.n_epochs = places, None

    def _compared(self, points: Array) -> Array:
        """Return the distances of points to those that it was fitted to, where these are few."""
        return points if self._points is None else _distances()(points, self._points)


@cache
def _prepare() -> None:
    """Compile what UMAP computes with, or take it from where it was kept."""
    with stage("UMAP", seconds=COMPILING, detail="compiling, once"):
        load("umap")
        _keep_compiled()
        rng = np.random.default_rng(0)
        points, others = (rng.random((count, 4), np.float32) for count in (40, 20))
        first = load("umap").UMAP(metric="precomputed", n_neighbors=5, random_state=0, n_jobs=1)
        with threads_restored(), _without_warnings():
            first.fit(_distances()(points, points)).transform(_distances()(others, points))


def _keep_compiled() -> None:
    """Let Numba keep what it compiles for UMAP in files, as it does for other packages."""
    import sys

    from numba.core.dispatcher import Dispatcher

    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] == "umap":
            for function in vars(module).values():
                # Where no folder can be written to it is compiled anew each time.
                if isinstance(function, Dispatcher):
                    with suppress(RuntimeError):
                        function.enable_caching()


@cache
def _distances() -> Callable[[Array, Array], Array]:
    """Compile a function from points (m, D) and others (n, D) to Euclidean distances (m, n)."""
    from numba import njit

    euclidean = load("umap").distances.euclidean

    # By the function that umap-learn would call, so that the bits are the same.
    @njit(fastmath=True)  # type: ignore[misc, unused-ignore]
    def compare(points: Array, others: Array) -> Array:
        distances = np.empty((len(points), len(others)), np.float32)
        for row in range(len(points)):
            for column in range(len(others)):
                distances[row, column] = euclidean(points[row], others[column])
        return distances

    return compare  # type: ignore[no-any-return, unused-ignore]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep UMAP from saying what is meant: how it begins, and that it is given distances."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Spectral initialisation failed", UserWarning)
        warnings.filterwarnings("ignore", "using precomputed metric", UserWarning)
        warnings.filterwarnings("ignore", "Transforming new data with precomputed", UserWarning)
        yield
