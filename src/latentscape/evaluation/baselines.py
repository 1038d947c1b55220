"""What an autoencoder has to beat: the mean image, and PCA with as many numbers."""

import math
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from latentscape.core.progress import stage
from latentscape.core.records import Array, Split
from latentscape.evaluation.principal import fit_components
from latentscape.inference.batches import BATCH, stored
from latentscape.inference.codec import Reconstruct
from latentscape.model import scaled

_latest: WeakKeyDictionary[Split, tuple[int, Reconstruct]] = WeakKeyDictionary()
"""The components of a split that were fitted last: evaluation and doctor ask for the same ones."""


def mean_image(split: Split) -> Reconstruct:
    """Return a reconstruction that always answers with the mean training image."""
    dataset = split.dataset
    total = np.zeros(dataset.shape, dtype=np.float64)
    for part in np.array_split(split.train, -(-len(split.train) // BATCH)):
        total += stored(dataset, part)[0].numpy().sum(axis=0, dtype=np.float64)
    mean = scaled(torch.from_numpy(total / len(split.train)), dataset.value_range)
    return lambda images, labels: mean.expand(len(images), *mean.shape)


def pca(split: Split, components: int) -> tuple[Reconstruct, int]:
    """Fit principal components to the training examples.

    Parameters
    ----------
    split : Split
        The examples; only the training part is looked at.
    components : int
        How many; fewer are fitted where the data have fewer dimensions or examples.

    Returns
    -------
    Reconstruct
        Projection to the components and back, cut to [0, 1] where the data lie in it.
    int
        The number of components fitted.
    """
    shape = (len(split.train), math.prod(split.dataset.shape))
    components = min(components, *shape)
    if _latest.get(split, (0,))[0] != components:
        _latest[split] = components, _fit(split, shape, components)
    return _latest[split][1], components


@stage("PCA", detail="for comparison")
def _fit(split: Split, shape: tuple[int, int], components: int) -> Reconstruct:
    dataset = split.dataset
    model = fit_components(
        lambda places: _rows(stored(dataset, split.train[places])[0], dataset.value_range),
        shape,
        components,
    )
    low, high = model.limits
    bounds = (0.0, 1.0) if low >= 0 and high <= 1 else (-np.inf, np.inf)

    def reconstruct(images: Tensor, labels: Tensor | None) -> Tensor:
        codes = model.project(_rows(images, dataset.value_range))
        rows = np.clip(model.restore(codes), *bounds).astype(np.float32)
        return torch.from_numpy(rows).reshape(len(images), *dataset.shape)

    return reconstruct


def _rows(images: Tensor, value_range: tuple[float, float]) -> Array:
    return scaled(images, value_range).flatten(1).numpy()
