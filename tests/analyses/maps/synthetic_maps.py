"""Maps that no method has drawn."""

import numpy as np

from latentscape.analyses.codes import Guessing
from latentscape.analyses.maps.result import (
    METHODS,
    Fidelity,
    Layout,
    MapProtocol,
    Maps,
    MethodMaps,
    Thumbnails,
)

N_POINTS = 40
SETTINGS = {"tsne": {"perplexity": 30.0}, "umap": {"n_neighbors": 15.0, "min_dist": 0.1}}


def numbered(count, size):
    """Make grey pictures that say their numbers: sixteens at the left, and ones at the right."""
    pictures = np.zeros((count, 1, *size), np.uint8)
    middle = size[1] // 2
    for number, picture in enumerate(pictures):
        picture[..., :middle], picture[..., middle:] = 17 * (number // 16), 17 * (number % 16)
    return pictures


def maps(name="plain", dim=2, *, labelled=True, shape=(1, 12, 10), places=None):
    """Make maps of a model's code, raw pixels and PCA.

    Parameters
    ----------
    name, dim : str, int
        Of the model's code.
    labelled : bool
        Whether points have labels.
    shape : tuple of int
        Of an image.
    places : mapping of str to ndarray, optional
        Method to the places of the model's code.
    """
    labels = np.arange(N_POINTS) % 3 if labelled else np.full(N_POINTS, -1)
    fidelity = Fidelity(
        trustworthiness=0.953, continuity=0.97, accuracy=0.875 if labelled else None
    )
    rng = np.random.default_rng(5)
    methods = []
    for method in (["code"] if dim == 2 else []) + [*METHODS]:
        codes = [(name, "model"), ("raw pixels", "pixels"), (f"PCA, {dim}", "pca")]
        layouts = []
        for code, kind in codes[: 1 if method == "code" else 3]:
            at = (rng.normal(size=(N_POINTS, 2)) + labels[:, None] * 3).astype(np.float32)
            if kind == "model" and method in (places or {}):
                at = places[method].astype(np.float32)
            layout = Layout(code=code, kind=kind, places=at, fidelity=fidelity, seconds=1.5)
            layouts.append(layout)
        settings = SETTINGS.get(method, {})
        methods.append(MethodMaps(method=method, settings=settings, layouts=tuple(layouts)))
    images = rng.random((12, *shape), dtype=np.float32)
    is_picture = len(shape) == 3
    return Maps(
        protocol=MapProtocol(
            n_test=N_POINTS, n_train=0, start="pixels", neighbours=10, n_compared=N_POINTS
        ),
        points=np.arange(N_POINTS),
        labels=labels,
        methods=tuple(methods),
        guessing=Guessing(labels=3, largest=0.35) if labelled else None,
        thumbnails=Thumbnails(images=images, points=np.arange(12) * 3) if is_picture else None,
        pictures=numbered(N_POINTS, shape[1:]) if is_picture else None,
    )
