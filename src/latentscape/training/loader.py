"""The loader: all examples in one tensor, shuffled by index, gathered by one call per batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.randomness import derive_seed, generator
from latentscape.core.records import Dataset
from latentscape.model import scaled


@dataclass(frozen=True)
class Batch:
    """Examples that go through the model together.

    Attributes
    ----------
    images : Tensor
        (B, *shape) as stored.
    labels : Tensor or None
        (B,) of int64; None where the data have none.
    """

    images: Tensor
    labels: Tensor | None

    def __len__(self) -> int:
        return len(self.images)


class Examples:
    """Every example of a dataset, on the device.

    Parameters
    ----------
    dataset : Dataset
        On the CPU its memory is shared.
    device : torch.device
        Where to put the examples.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        images, labels = np.asarray(dataset.images), dataset.labels
        # torch.from_numpy takes no array that is read-only, and no view with negative strides.
        if not images.flags.writeable or not images.flags.c_contiguous:
            images = images.copy()
        self.images = torch.from_numpy(images).to(device)
        self.labels = None if labels is None else torch.from_numpy(labels.copy()).to(device)
        self.value_range = dataset.value_range

    def take(self, index: Tensor) -> Batch:
        """Gather the examples at the positions (B,)."""
        labels = None if self.labels is None else self.labels.index_select(0, index)
        return Batch(self.images.index_select(0, index), labels)

    def binarised(self, batch: Batch, seed: int) -> Batch:
        """Draw each pixel black or white, with its grey level as the probability of white."""
        images, (low, high) = batch.images, self.value_range
        source = torch.Generator(images.device).manual_seed(seed)
        draws = torch.rand(images.shape, generator=source, device=images.device)
        white = draws < scaled(images, self.value_range)
        return Batch(torch.where(white, high, low).to(images.dtype), batch.labels)


class Batches(Protocol):
    """What `latentscape.training.fit.fit` goes through.

    Attributes
    ----------
    data : Examples
        Every example of the dataset, for hooks that look at others than those of the batches.
    examples : int
        Examples in an epoch.
    """

    data: Examples
    examples: int

    def __len__(self) -> int:
        """How many batches an epoch has."""

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, from batch `first` on."""


class Loader:
    """The batches of one part of a dataset; their content depends on seed and epoch alone.

    So a run that resumes in the middle of an epoch goes on with the batches it would have had.

    Parameters
    ----------
    examples : Examples
        Every example of the dataset.
    index : ndarray of int64
        The examples of this part.
    size : int
        Examples in a batch. The last batch takes the rest. A rest of a single example joins the
        batch before it, because batch normalisation cannot learn from one example.
    seed : int
        Draws the orders, and the pixels.
    binarize : bool
        Whether each pixel is drawn black or white, anew in every epoch.
    """

    def __init__(
        self,
        examples: Examples,
        index: NDArray[np.int64],
        size: int,
        seed: int,
        binarize: bool = False,
    ) -> None:
        self.data, self._index = examples, index
        self._seed, self._binarize = seed, binarize
        starts = list(range(0, len(index), size))
        if len(index) % size == 1 and len(starts) > 1:
            starts.pop()
        self._bounds = list(zip(starts, [*starts[1:], len(index)], strict=True))
        self.examples = len(index)

    def __len__(self) -> int:
        return len(self._bounds)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, from batch `first` on."""
        order = torch.randperm(self.examples, generator=generator(self._seed, "batches", number))
        shuffled = torch.from_numpy(self._index)[order].to(self.data.images.device)
        for position in range(first, len(self)):
            start, stop = self._bounds[position]
            batch = self.data.take(shuffled[start:stop])
            if self._binarize:
                seed = derive_seed(self._seed, "binarize", number, position)
                batch = self.data.binarised(batch, seed)
            yield batch


def in_order(examples: Examples, index: NDArray[np.int64], size: int = 1024) -> Iterator[Batch]:
    """Yield the batches of the examples in `index`, unshuffled."""
    positions = torch.from_numpy(index).to(examples.images.device)
    for start in range(0, len(index), size):
        yield examples.take(positions[start : start + size])
