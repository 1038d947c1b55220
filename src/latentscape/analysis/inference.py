"""Running a trained model over many examples, in batches, in full float32."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.errors import DataError
from latentscape.model import Network, scaled
from latentscape.records import Array, Dataset
from latentscape.runtime import full_precision

BATCH = 1000

Reconstruct = Callable[[Tensor, Tensor | None], Tensor]
"""Stored images (B, *shape) and labels (B,) to mean images (B, *shape) on the scale 0 to 1."""


def stored_batches(
    dataset: Dataset, index: NDArray[np.int64], size: int = BATCH
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield stored images (B, *shape) and labels (B,) of the examples in `index`, in its order."""
    for start in range(0, len(index), size):
        yield stored(dataset, index[start : start + size])


def stored(dataset: Dataset, index: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
    """Return stored images (B, *shape) and labels (B,) on the CPU, of the examples in `index`."""
    labels = None if dataset.labels is None else torch.from_numpy(dataset.labels[index])
    return torch.from_numpy(dataset.images[index]), labels


def spread(index: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Choose at most so many of the examples in `index`, spaced evenly over it."""
    return index[np.linspace(0, len(index) - 1, min(most, len(index))).astype(np.int64)]


def as_trained_on(
    known: Dataset, data: Dataset, index: NDArray[np.int64]
) -> tuple[Array, NDArray[np.int64] | None]:
    """Return examples in the range that a model's own data have, and labels if they are the same.

    Parameters
    ----------
    known : Dataset
        What the model was trained on.
    data : Dataset
        Other examples, in a range of their own.
    index : ndarray of int64
        Which of them.

    Returns
    -------
    images : ndarray
        (n, *shape) as `known` stores them.
    labels : ndarray of int64 or None
        (n,); None where the data name other labels, or none.

    Raises
    ------
    DataError
        If they have another shape.
    """
    if data.shape != known.shape:
        raise DataError(
            f"{data.name} has examples of shape {data.shape}",
            expected=f"the shape of those that the model was trained on, {known.shape}",
        )
    images = data.images[index]
    if data.value_range != known.value_range:
        low, high = known.value_range
        images = low + scaled(torch.from_numpy(images), data.value_range).numpy() * (high - low)
    same = data.labels is not None and data.label_names == known.label_names
    return images, data.labels[index] if same and data.labels is not None else None


def encode(model: Network, dataset: Dataset, index: NDArray[np.int64]) -> Array:
    """Return the codes (n, latent_dim), float32, of the examples in `index`."""
    with evaluating():
        parts = [
            model.encode(*to_device(model, batch)).cpu() for batch in stored_batches(dataset, index)
        ]
    return torch.cat(parts).numpy()


def reconstruct_with(model: Network) -> Reconstruct:
    """Return a function that reconstructs images with a model, whatever device it is on."""

    def reconstruct(images: Tensor, labels: Tensor | None = None) -> Tensor:
        with evaluating():
            return model.reconstruct(*to_device(model, (images, labels))).cpu()

    return reconstruct


def to_device(model: Network, batch: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
    """Bring images and labels to where a model is."""
    images, labels = batch
    return images.to(model.device), None if labels is None else labels.to(model.device)


@contextmanager
def evaluating() -> Iterator[None]:
    """Compute without gradients, and in full float32."""
    with torch.inference_mode(), full_precision():
        yield
