"""Batches of stored examples for a trained model, and what brings foreign data into its range."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.core.runtime import full_precision
from latentscape.model import Network, scaled

BATCH = 1000

MULTIPLE = 16
"""Batches are filled up to a multiple of so many examples. Matrix products then treat all of them
in the same way: no bit of a result depends on the other examples of a batch."""

Batch = tuple[Tensor, Tensor | None]
"""Stored images (B, *shape), and labels (B,) where there are any."""


def stored_batches(
    dataset: Dataset, index: NDArray[np.int64], size: int = BATCH
) -> Iterator[Batch]:
    """Yield stored images (B, *shape) and labels (B,) of the examples in `index`, in its order."""
    for start in range(0, len(index), size):
        yield stored(dataset, index[start : start + size])


def stored(dataset: Dataset, index: NDArray[np.int64]) -> Batch:
    """Return stored images (B, *shape) and labels (B,) on the CPU, of the examples in `index`."""
    labels = None if dataset.labels is None else torch.from_numpy(dataset.labels[index])
    return torch.from_numpy(dataset.images[index]), labels


def as_trained_on(
    known: Dataset, data: Dataset, index: NDArray[np.int64]
) -> tuple[Array, NDArray[np.int64] | None]:
    """Return examples in the range of a model's own data, and labels if they are the same ones.

    Parameters
    ----------
    known : Dataset
        The data that the model was trained on.
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
    images = in_range(data.images[index], data.value_range, known.value_range)
    same = data.labels is not None and data.label_names == known.label_names
    return images, data.labels[index] if same and data.labels is not None else None


def in_range(images: Array, source: tuple[float, float], target: tuple[float, float]) -> Array:
    """Move stored values so that the ends of the range `source` become those of `target`."""
    if source == target:
        return images
    low, high = target
    return low + scaled(torch.from_numpy(images), source).numpy() * (high - low)


def to_device(model: Network, batch: Batch) -> Batch:
    """Bring images and labels to the device of a model."""
    images, labels = batch
    return images.to(model.device), None if labels is None else labels.to(model.device)


@contextmanager
def evaluating() -> Iterator[None]:
    """Compute without gradients, and in full float32."""
    with torch.inference_mode(), full_precision():
        yield


def cut(batch: Batch, size: int) -> Iterator[Batch]:
    """Cut a batch into pieces of at most `size` examples."""
    images, labels = batch
    for start in range(0, len(images), size):
        piece = slice(start, start + size)
        yield images[piece], None if labels is None else labels[piece]


def filled(batch: Batch) -> Batch:
    """Repeat the last example until the batch holds a multiple of `MULTIPLE` examples."""
    images, labels = batch
    missing = -len(images) % MULTIPLE
    if not missing:
        return batch
    repeated = images[-1:].expand(missing, *images.shape[1:])
    if labels is not None:
        labels = torch.cat([labels, labels[-1:].expand(missing)])
    return torch.cat([images, repeated]), labels
