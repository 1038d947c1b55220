"""The loader: shuffled by index, batches are gathered by one call each.

Examples in memory stand in one tensor on the device. Others are taken from their store, in a thread
of their own if that costs time; the batches are the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.memory import available_memory
from latentscape.core.randomness import derive_seed, generator
from latentscape.core.records import Dataset
from latentscape.core.stores import ImageStore, ResidentStore
from latentscape.model import scaled
from latentscape.training.prefetch import Prefetch

MOST_OF_DEVICE = 0.5
"""Share of the free memory of a CUDA device that images take at most; training needs the rest."""


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

    def to(self, device: torch.device) -> Self:
        """Bring it to a device; what is pinned is still under way when this returns."""
        if self.images.device == device:
            return self
        labels = None if self.labels is None else self.labels.to(device, non_blocking=True)
        return type(self)(self.images.to(device, non_blocking=True), labels)

    def clone(self) -> Self:
        """Copy it."""
        labels = None if self.labels is None else self.labels.clone()
        return type(self)(self.images.clone(), labels)

    def copy_(self, other: Self) -> None:
        """Take over what another of the same size holds."""
        self.images.copy_(other.images)
        if self.labels is not None and other.labels is not None:
            self.labels.copy_(other.labels)

    def split(self, size: int) -> list[Self]:
        """Cut it into batches of a size; see `bounds`."""
        parts = bounds(len(self), size)
        if len(parts) == 1:
            return [self]
        labels = self.labels
        return [
            type(self)(self.images[start:stop], None if labels is None else labels[start:stop])
            for start, stop in parts
        ]


def bounds(count: int, size: int) -> list[tuple[int, int]]:
    """Return where batches of a size begin and end among so many examples.

    The last batch takes the rest. A rest of a single example joins the batch before it, because
    batch normalisation cannot learn from one example.
    """
    starts = list(range(0, count, size))
    if count % size == 1 and len(starts) > 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))


class Examples:
    """Every example of a dataset, for training on a device.

    Parameters
    ----------
    dataset : Dataset
        The examples. Where they are in memory, they are put on the device if it has room for them;
        on the CPU their memory is shared.
    device : torch.device
        Where batches are needed.

    Attributes
    ----------
    images : Tensor or None
        All images on the device; None where batches are taken from a store.
    place : torch.device
        Where positions are looked up: the device, or the CPU for a store.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.device, self._store = device, dataset.images
        self.images = _whole(dataset.images, device)
        self.place = torch.device("cpu") if self.images is None else device
        labels = dataset.labels
        self.labels = None if labels is None else torch.from_numpy(labels.copy()).to(self.place)
        self.value_range = dataset.value_range

    def take(self, index: Tensor) -> Batch:
        """Gather the examples at the positions (B,), on the device."""
        return self.gather(index).to(self.device)

    def gather(self, index: Tensor) -> Batch:
        """Gather the examples at the positions (B,), where they are looked up; any thread may."""
        labels = None if self.labels is None else self.labels.index_select(0, index)
        if self.images is not None:
            return Batch(self.images.index_select(0, index), labels)
        batch = Batch(torch.from_numpy(self._store.take(index.numpy())), labels)
        return _pinned(batch) if self.device.type == "cuda" else batch

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


def _whole(store: ImageStore, device: torch.device) -> Tensor | None:
    """Put all images on a device; None if they are not in memory, or too many for the device."""
    if not isinstance(store, ResidentStore):
        return None
    if device.type == "cuda" and store.nbytes > MOST_OF_DEVICE * available_memory(device):
        return None
    images = store.array
    # torch.from_numpy takes no array that is read-only, and no view with negative strides.
    if not images.flags.writeable or not images.flags.c_contiguous:
        images = images.copy()
    return torch.from_numpy(images).to(device)


def _pinned(batch: Batch) -> Batch:
    labels = None if batch.labels is None else batch.labels.pin_memory()
    return Batch(batch.images.pin_memory(), labels)


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
        Examples in a batch; see `bounds` for the last ones.
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
        self._bounds = bounds(len(index), size)
        self.examples = len(index)
        self._prefetch = Prefetch()

    def __len__(self) -> int:
        return len(self._bounds)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, from batch `first` on."""
        order = torch.randperm(self.examples, generator=generator(self._seed, "batches", number))
        examples = self.data
        shuffled = torch.from_numpy(self._index)[order].to(examples.place)

        def gather(position: int) -> Batch:
            start, stop = self._range(position)
            return examples.gather(shuffled[start:stop])

        positions = range(first, len(self))
        is_whole = examples.images is not None
        gathered = map(gather, positions) if is_whole else self._prefetch(gather, positions)
        for position, batch in zip(positions, gathered, strict=True):
            yield self._finished(batch.to(examples.device), number, position)

    def _range(self, position: int) -> tuple[int, int]:
        """Return where a batch begins and ends in the order of its epoch."""
        return self._bounds[position]

    def _finished(self, batch: Batch, number: int, position: int) -> Batch:
        """Return a batch of an epoch as training takes it."""
        return self._drawn(batch, number, position) if self._binarize else batch

    def _drawn(self, batch: Batch, *place: int) -> Batch:
        return self.data.binarised(batch, derive_seed(self._seed, "binarize", *place))


def in_order(examples: Examples, index: NDArray[np.int64], size: int = 1024) -> Iterator[Batch]:
    """Yield the batches of the examples in `index`, unshuffled."""
    positions = torch.from_numpy(index).to(examples.place)
    for start in range(0, len(index), size):
        yield examples.take(positions[start : start + size])
