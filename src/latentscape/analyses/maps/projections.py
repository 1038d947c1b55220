"""Maps of codes in the plane: drawn by PCA, t-SNE or UMAP, and new points placed on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from latentscape.analyses.maps.result import METHOD_NAMES, MapMethod
from latentscape.analyses.umap import Umap
from latentscape.core.errors import DataError
from latentscape.core.extras import install, load, require
from latentscape.core.findings import MISSING_PACKAGE, Skip
from latentscape.core.progress import stage
from latentscape.core.randomness import derive_seed
from latentscape.core.records import Array

START_SD = 1e-4
"""Standard deviation of the first axis where t-SNE begins, as openTSNE recommends."""
THREADED = 10_000
"""Points from which on threads shorten t-SNE; with fewer they mostly wait for each other."""
CHUNK = 2000
"""Points that are placed at once."""

TSNE_ITERATIONS, TSNE_STEP = 750, 50
"""All that openTSNE makes, and those after which it says so."""

Settings = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Map:
    """Codes and their places in the plane: all that placing new points needs.

    Attributes
    ----------
    name : str
        Whose codes they are.
    method : str
        ``pca``, ``tsne``, ``umap``, or ``code`` for the two numbers of a code themselves.
    codes : ndarray of float32
        (n, D).
    places : ndarray of float32
        (n, 2).
    settings : dict of str to float
        Those of the method, by the names that its package gives them.
    """

    name: str
    method: MapMethod
    codes: Array
    places: Array
    settings: Settings


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through the space of codes.

    Attributes
    ----------
    mean : ndarray
        (D,) the code at its origin.
    axes : ndarray
        (2, D) steps along its axes: the code at (x, y) is ``mean + x * axes[0] + y * axes[1]``.
    """

    mean: Array
    axes: Array

    def places(self, codes: Array) -> Array:
        """Project codes (n, D) onto orthonormal axes: places (n, 2)."""
        return (codes - self.mean) @ self.axes.T


def missing(method: MapMethod) -> Skip | None:
    """Say that the package of a method is not installed; None where it can be used."""
    name = _METHODS[method].package
    try:
        if name:
            load(name)
    except ImportError:
        item = f"{METHOD_NAMES[method]} was"
        return Skip(item=item, reason=MISSING_PACKAGE, detail={"command": install("maps")})
    return None


def map_settings(method: MapMethod, count: int) -> dict[str, float]:
    """Return the settings of a method for so many points."""
    return _METHODS[method].settings(count)


def start_places(codes: Array, seed: int = 0) -> Array:
    """Choose where maps begin: the first two principal components, on the scale for t-SNE.

    Parameters
    ----------
    codes : ndarray of float32
        (n, D), not all the same.
    seed : int
        Draws a little noise, 1 % of the extent, so that no two points begin at one place.

    Returns
    -------
    ndarray of float64
        (n, 2), of which the first axis has a standard deviation of 0.0001.
    """
    places = _principal(codes).astype(np.float64)
    rng = np.random.default_rng(derive_seed(seed, "map start"))
    places += rng.normal(scale=0.01 * places[:, 0].std(), size=places.shape)
    return np.asarray(places * START_SD / places[:, 0].std())


def draw_map(name: str, codes: Array, method: MapMethod, start: Array, seed: int = 0) -> Map:
    """Lay codes out in the plane.

    Parameters
    ----------
    name : str
        Whose codes they are.
    codes : ndarray of float32
        (n, D), five at least and not all the same.
    method : str
        ``pca``; ``tsne`` (van der Maaten & Hinton 2008, with openTSNE); ``umap`` (McInnes et al.
        2018, with umap-learn); ``code`` for the two numbers of codes as they are.
    start : ndarray of float64
        (n, 2) where t-SNE and UMAP begin: `start_places`.
    seed : int
        Draws what UMAP draws.
    """
    settings = map_settings(method, len(codes))
    places = _METHODS[method].draw(codes, start, settings, seed)
    return Map(name, method, codes, np.asarray(places, dtype=np.float32), settings)


def place(reference: Map, codes: Array) -> Array:
    """Place new points on a map among those that are there, which stay where they are.

    PCA places by the linear map that took the map's own codes to their places; t-SNE each point on
    its own, from the median of its neighbours (Poličar et al. 2023); UMAP up to 2,000 together.

    Parameters
    ----------
    reference : Map
        Of `draw_map`, or a saved one.
    codes : ndarray
        (m, D) from the encoder whose codes the map shows.

    Returns
    -------
    ndarray of float32
        (m, 2). The map's own points, placed again, land near their places, and mostly not on them.

    Raises
    ------
    ConfigError
        If the package that draws such maps is not installed.
    DataError
        If these are not codes of as many finite numbers.
    """
    codes = _checked(reference, codes)
    method = _METHODS[reference.method]
    if method.package:
        require(
            method.package, "maps", f"Placing points on a map of {METHOD_NAMES[reference.method]}"
        )
    place_chunk = method.placer(reference)
    chunks = [place_chunk(codes[first : first + CHUNK]) for first in range(0, len(codes), CHUNK)]
    return np.concatenate([np.empty((0, 2)), *chunks]).astype(np.float32)


def _checked(reference: Map, codes: Array) -> Array:
    dim = reference.codes.shape[1]
    if codes.ndim != 2 or codes.shape[1] != dim or codes.dtype.kind not in "fiub":
        raise DataError(
            f"The new codes are of shape {codes.shape} and type {codes.dtype}",
            expected=f"(m, {dim}) numbers, as the codes of {reference.name} that the map shows",
        )
    if bad := int((~np.isfinite(codes)).any(1).sum()):
        raise DataError(f"{bad:,} of {len(codes):,} new codes are not finite (NaN or infinity)")
    return codes.astype(np.float32, copy=False)


def principal_plane(codes: Array) -> Plane:
    """Return the plane of the first two principal components.

    Parameters
    ----------
    codes : ndarray of float32
        (n, D). An axis is zero where they do not differ in a second direction, or in none.
    """
    if np.ptp(codes, axis=0).max() == 0:
        return Plane(codes.mean(0), np.zeros((2, codes.shape[1]), codes.dtype))
    model = _pca(codes)
    model.fit(codes)
    missing_axes = 2 - len(model.components_)
    return Plane(model.mean_, np.pad(model.components_, ((0, missing_axes), (0, 0))))


def in_one_plane(codes: Array, final: Array) -> Array:
    """Lay out codes of several epochs, so that nothing moves but what training moves.

    Parameters
    ----------
    codes : ndarray of float32
        (epochs, n, D) of the same examples.
    final : ndarray of float32
        (n, D) theirs after training.

    Returns
    -------
    ndarray of float32
        (epochs, n, 2): the codes themselves where D is 2; otherwise their projections onto the
        principal plane of `final`.
    """
    if final.shape[1] == 2:
        return codes
    plane = principal_plane(final)
    return np.stack([plane.places(one) for one in codes])


def _principal(codes: Array) -> Array:
    """Return the first two principal components (n, 2); zeros where there is only one."""
    places = _pca(codes).fit_transform(codes)
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))


def _pca(codes: Array) -> Any:
    from sklearn.decomposition import PCA

    return PCA(min(2, codes.shape[1]), random_state=0)


def _linear(reference: Map) -> Callable[[Array], Array]:
    """Recover the linear map that took the codes to their places."""
    mean, centre = (a.mean(0, dtype=np.float64) for a in (reference.codes, reference.places))
    # Principal components have no weight in directions of little variance, and rounding would.
    matrix = np.linalg.lstsq(reference.codes - mean, reference.places - centre, rcond=1e-4)[0]
    return lambda codes: (codes - mean) @ matrix + centre


def _affinities(codes: Array, settings: Settings) -> Any:
    tsne, perplexity = load("openTSNE"), settings["perplexity"]
    # Exact neighbours: approximate ones depend on the number of threads. Looked up by itself, the
    # package would first import Numba and more for a second.
    search = tsne.nearest_neighbors.Sklearn(
        codes,
        k=min(len(codes) - 1, int(3 * perplexity)),
        metric="euclidean",
        n_jobs=_threads(len(codes)),
    )
    return tsne.affinity.PerplexityBasedNN(
        perplexity=perplexity, knn_index=search, n_jobs=_threads(len(codes))
    )


def _tsne(codes: Array, start: Array, settings: Settings, seed: int) -> Array:
    with stage("t-SNE", TSNE_ITERATIONS) as work:

        def advance(iteration: int, error: float, places: Array) -> None:
            work.advance(TSNE_STEP)

        mapper = load("openTSNE").TSNE(
            n_jobs=_threads(len(codes)),
            random_state=seed,
            callbacks=advance,
            callbacks_every_iters=TSNE_STEP,
        )
        affinities = _affinities(codes, settings)
        return np.asarray(mapper.fit(affinities=affinities, initialization=start))


def _tsne_placer(reference: Map) -> Callable[[Array], Array]:
    places = reference.places.astype(np.float64)
    centre = (places.max(0) + places.min(0)) / 2
    # The package moves the map's own centre to the origin.
    embedding = load("openTSNE").TSNEEmbedding(
        places - centre,
        _affinities(reference.codes, reference.settings),
        n_jobs=_threads(len(places)),
        random_state=0,
    )
    perplexity = min(5.0, len(places) / 3)
    return lambda codes: np.asarray(embedding.transform(codes, perplexity=perplexity)) + centre


def _umap(codes: Array, start: Array, settings: Settings, seed: int) -> Array:
    state = derive_seed(seed, "umap") % 2**32
    return _umap_mapper(settings, init=start, random_state=state).fit(codes)


def _umap_placer(reference: Map) -> Callable[[Array], Array]:
    # The graph of the codes is built anew, but not laid out: the places are there.
    mapper = _umap_mapper(reference.settings, init="random", random_state=0, n_epochs=0)
    mapper.fit(reference.codes)
    mapper.move(reference.places)
    return mapper.place


def _umap_mapper(
    settings: Settings, init: Array | str, random_state: int, n_epochs: int | None = None
) -> Umap:
    return Umap(
        n_neighbors=int(settings["n_neighbors"]),
        min_dist=settings["min_dist"],
        init=init,
        n_epochs=n_epochs,
        random_state=random_state,
    )


def _threads(count: int) -> int:
    return torch.get_num_threads() if count >= THREADED else 1


@dataclass(frozen=True)
class _Method:
    """How a method draws and places, and the package that it needs."""

    draw: Callable[[Array, Array, Settings, int], Array]
    placer: Callable[[Map], Callable[[Array], Array]]
    settings: Callable[[int], dict[str, float]] = lambda count: {}
    package: str = ""


_METHODS: dict[MapMethod, _Method] = {
    "code": _Method(lambda codes, *_: codes, lambda reference: lambda codes: codes),
    "pca": _Method(lambda codes, *_: _principal(codes), _linear),
    "tsne": _Method(
        _tsne,
        _tsne_placer,
        # A perplexity is no more than a third of the neighbours that there are.
        lambda count: {"perplexity": min(30.0, (count - 1) / 3)},
        "openTSNE",
    ),
    "umap": _Method(
        _umap,
        _umap_placer,
        lambda count: {"n_neighbors": float(min(15, count - 1)), "min_dist": 0.1},
        "umap",
    ),
}
