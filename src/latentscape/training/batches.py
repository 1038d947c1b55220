"""Batches: all examples in one tensor, shuffled by index, gathered by one call per batch."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.records import Dataset
from latentscape.runtime import generator


class Batches:
    """The batches of one part of a dataset, in an order that depends on seed and epoch alone.

    Parameters
    ----------
    images : Tensor
        (N, *shape) every example of the dataset as stored, on the device.
    index : ndarray of int64
        The examples of this part.
    size : int
        Examples in a batch. The last one takes what is left; a single leftover joins the batch
        before it, because batch normalisation cannot learn from one example.
    seed : int
        Draws the orders.
    """

    def __init__(self, images: Tensor, index: NDArray[np.int64], size: int, seed: int) -> None:
        self._images = images
        self._index = torch.from_numpy(index)
        self._seed = seed
        starts = list(range(0, len(index), size))
        if len(index) % size == 1 and len(starts) > 1:
            starts.pop()
        self._bounds = list(zip(starts, [*starts[1:], len(index)], strict=True))
        self.examples = len(index)

    def __len__(self) -> int:
        return len(self._bounds)

    def epoch(self, number: int, first: int = 0) -> Iterator[Tensor]:
        """Yield the batches (B, *shape) of an epoch, from batch `first` on."""
        order = torch.randperm(self.examples, generator=generator(self._seed, "batches", number))
        shuffled = self._index[order].to(self._images.device)
        for start, stop in self._bounds[first:]:
            yield self._images.index_select(0, shuffled[start:stop])


def to_tensor(dataset: Dataset, device: torch.device) -> Tensor:
    """Return all examples as one tensor of the stored type; on the CPU it shares their memory."""
    images = dataset.images
    if not images.flags.writeable or not images.flags.c_contiguous:
        images = images.copy()
    return torch.from_numpy(images).to(device)


def in_order(images: Tensor, index: NDArray[np.int64], size: int = 1024) -> Iterator[Tensor]:
    """Yield the batches (B, *shape) of the examples in `index`, unshuffled."""
    chosen = torch.from_numpy(index).to(images.device)
    for start in range(0, len(index), size):
        yield images.index_select(0, chosen[start : start + size])
