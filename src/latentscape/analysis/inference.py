"""Running a trained model over many examples, in batches, in full float32."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.model import Autoencoder
from latentscape.records import Array, Dataset
from latentscape.runtime import full_precision

BATCH = 1000

Reconstruct = Callable[[Tensor], Tensor]
"""Stored images (B, *shape) to mean images (B, *shape) on the scale 0 to 1."""


def stored_batches(dataset: Dataset, index: NDArray[np.int64]) -> Iterator[Tensor]:
    """Yield stored images (B, *shape) on the CPU, of the examples in `index` and in its order."""
    for start in range(0, len(index), BATCH):
        yield torch.from_numpy(dataset.images[index[start : start + BATCH]])


def encode(model: Autoencoder, dataset: Dataset, index: NDArray[np.int64]) -> Array:
    """Return the codes (n, latent_dim), float32, of the examples in `index`."""
    device = next(model.parameters()).device
    with torch.inference_mode(), full_precision():
        parts = [model.encode(batch.to(device)).cpu() for batch in stored_batches(dataset, index)]
    return torch.cat(parts).numpy()


def reconstruct_with(model: Autoencoder) -> Reconstruct:
    """Return a function that reconstructs images with a model, whatever device it is on."""
    device = next(model.parameters()).device

    def reconstruct(images: Tensor) -> Tensor:
        with torch.inference_mode(), full_precision():
            return model.reconstruct(images.to(device)).cpu()

    return reconstruct
