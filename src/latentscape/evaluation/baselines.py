"""What an autoencoder has to beat: the mean image, and PCA with as many numbers."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentscape.core.progress import stage
from latentscape.core.records import Array, Split
from latentscape.inference.codec import Reconstruct
from latentscape.model import scaled


def mean_image(split: Split) -> Reconstruct:
    """Return a reconstruction that always answers with the mean training image."""
    dataset = split.dataset
    total = np.zeros(dataset.shape, dtype=np.float64)
    for part in np.array_split(split.train, -(-len(split.train) // 1000)):
        total += dataset.images.take(part).sum(axis=0, dtype=np.float64)
    mean = scaled(torch.from_numpy(total / len(split.train)), dataset.value_range)
    return lambda images, labels: mean.expand(len(images), *mean.shape)


@stage("PCA", detail="for comparison")
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
    from sklearn.decomposition import PCA

    dataset = split.dataset
    rows = np.empty((len(split.train), math.prod(dataset.shape)), np.float32)
    for start in range(0, len(rows), 1000):  # They are large, and once in memory is enough.
        part = split.train[start : start + 1000]
        rows[start : start + 1000] = _rows(
            torch.from_numpy(dataset.images.take(part)), dataset.value_range
        )
    components = min(components, *rows.shape)
    bounds = (0.0, 1.0) if rows.min() >= 0 and rows.max() <= 1 else (-np.inf, np.inf)
    with np.errstate(all="ignore"):  # A single or constant example has no variance to divide by.
        # The rows are nobody else's, and not needed again.
        model: Any = PCA(components, random_state=0, copy=False).fit(rows)

    def reconstruct(images: Tensor, labels: Tensor | None) -> Tensor:
        codes = model.transform(_rows(images, dataset.value_range))
        rows = np.clip(model.inverse_transform(codes), *bounds).astype(np.float32)
        return torch.from_numpy(rows).reshape(len(images), *dataset.shape)

    return reconstruct, components


def _rows(images: Tensor, value_range: tuple[float, float]) -> Array:
    return scaled(images, value_range).flatten(1).numpy()
