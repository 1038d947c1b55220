"""Batches of stored examples for a trained model."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.records import Dataset
from latentscape.core.runtime import full_precision
from latentscape.model import Network

BATCH = 1000
MAX_VALUES = 1 << 24
"""Examples of a batch at most, and their values: 64 MiB of float32."""

MULTIPLE = 16
"""Batches are filled up to a multiple of so many examples. Matrix products then treat all of them
in the same way: no bit of a result depends on the other examples of a batch."""

Batch = tuple[Tensor, Tensor | None]
"""Stored images (B, *shape), and labels (B,) where there are any."""


def stored_batches(
    dataset: Dataset, index: NDArray[np.int64], size: int | None = None
) -> Iterator[Batch]:
    """Yield stored images (B, *shape) and labels (B,) of the examples in `index`, in its order."""
    size = size or batch_size(dataset.shape)
    for start in range(0, len(index), size):
        yield stored(dataset, index[start : start + size])


def batch_size(shape: Sequence[int]) -> int:
    """Return how many examples of a shape are worked on together: fewer of large ones."""
    fitting = MAX_VALUES // math.prod(shape) // MULTIPLE * MULTIPLE
    return max(MULTIPLE, min(BATCH, fitting))


def stored(dataset: Dataset, index: NDArray[np.int64]) -> Batch:
    """Return stored images (B, *shape) and labels (B,) on the CPU, of the examples in `index`."""
    labels = None if dataset.labels is None else torch.from_numpy(dataset.labels[index])
    return torch.from_numpy(dataset.images.take(index)), labels


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
