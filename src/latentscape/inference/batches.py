"""Running a trained model over many examples, in batches, in full float32."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.core.runtime import count_threads, full_precision, one_thread
from latentscape.model import Network, folded, scaled
from latentscape.model.latents import Normal

BATCH = 1000

_ROWS = 16
"""Examples are computed with in multiples of so many. Matrix products then treat all of them in the
same way: no bit of a result depends on what else is in the batch."""

_IN_CACHE = 6 << 20
"""Bytes of the largest output of a layer that stay in a processor's cache until the next one."""

_WHOLE = 1 << 20

Batch = tuple[Tensor, Tensor | None]
"""Stored images (B, *shape), and labels (B,) where there are any."""

Reconstruct = Callable[[Tensor, Tensor | None], Tensor]
"""Stored images (B, *shape) and labels (B,) to mean images (B, *shape) on the scale 0 to 1."""


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
    images = in_range(data.images[index], data.value_range, known.value_range)
    same = data.labels is not None and data.label_names == known.label_names
    return images, data.labels[index] if same and data.labels is not None else None


def in_range(images: Array, have: tuple[float, float], want: tuple[float, float]) -> Array:
    """Return stored values, of which `have` stand for 0 and 1, so that `want` stand for these."""
    if have == want:
        return images
    low, high = want
    return low + scaled(torch.from_numpy(images), have).numpy() * (high - low)


def encode(model: Network, dataset: Dataset, index: NDArray[np.int64]) -> Array:
    """Return the codes (n, latent_dim), float32, of the examples in `index`."""
    return np.concatenate(list(encode_batches(model, stored_batches(dataset, index))))


def encode_batches(model: Network, batches: Iterable[Batch]) -> Iterator[Array]:
    """Encode batches while further ones are fetched.

    On the CPU threads share a batch by its examples. Each computes alone, and a few examples at a
    time, so that what goes from layer to layer stays in its cache. So codes are the same, to the
    bit, however many threads there are.

    Parameters
    ----------
    model : Network
        On any device.
    batches : iterable of Batch
        Of any sizes. Three of them are in memory at once.

    Yields
    ------
    ndarray of float32
        (B, latent_dim) the codes of each batch, in order.
    """
    lean = folded(model)
    size = _size_in_cache(model)

    def codes(share: Batch) -> Tensor:
        with torch.inference_mode():
            parts = [lean.encode(*to_device(lean, _filled(p))).cpu() for p in _cut(share, size)]
            return torch.cat(parts)[: len(share[0])]

    waiting: deque[list[Future[Tensor]]] = deque()
    with full_precision(), _workers(lean.device) as (pool, threads):
        for batch in batches:
            parts_each = math.ceil(len(batch[0]) / size / threads)
            waiting.append([pool.submit(codes, share) for share in _cut(batch, parts_each * size)])
            if len(waiting) > 2:
                yield _joined(waiting.popleft())
        while waiting:
            yield _joined(waiting.popleft())


def reconstruct_with(model: Network) -> Reconstruct:
    """Return a function that reconstructs images with a model, whatever device it is on."""

    def reconstruct(images: Tensor, labels: Tensor | None = None) -> Tensor:
        with evaluating():
            batch = to_device(model, _filled((images, labels)))
            return model.reconstruct(*batch).cpu()[: len(images)]

    return reconstruct


def posteriors(model: Network, dataset: Dataset, index: NDArray[np.int64]) -> Normal:
    """Return the posteriors (n, D) of the examples in `index`, on the CPU."""
    with evaluating():
        parts = [
            model.posterior(*to_device(model, batch)) for batch in stored_batches(dataset, index)
        ]
        means, variances = (
            torch.cat(column).cpu()
            for column in ([p.mean for p in parts], [p.log_variance for p in parts])
        )
    return Normal(means, variances)


def to_device(model: Network, batch: Batch) -> Batch:
    """Bring images and labels to where a model is."""
    images, labels = batch
    return images.to(model.device), None if labels is None else labels.to(model.device)


@contextmanager
def evaluating() -> Iterator[None]:
    """Compute without gradients, and in full float32."""
    with torch.inference_mode(), full_precision():
        yield


@contextmanager
def _workers(device: torch.device) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """Give threads that compute on their own: as many as torch has, or one beside a GPU."""
    threads = count_threads() if device.type == "cpu" else 1
    with one_thread():
        # oneDNN asks each thread anew how many it may use.
        pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            yield pool, threads
        finally:
            pool.shutdown(cancel_futures=True)


def _size_in_cache(model: Network) -> int:
    """Return how many examples to encode at once."""
    if model.device.type != "cpu":
        return _WHOLE
    layers = [row for row in model.describe() if row["part"] == "encoder"]
    widest = max(math.prod(cast(list[int], row["output"])) for row in layers)
    return min(_WHOLE, max(_ROWS, _IN_CACHE // (widest * 4) // _ROWS * _ROWS))


def _cut(batch: Batch, size: int) -> Iterator[Batch]:
    """Cut a batch into parts of at most `size` examples."""
    images, labels = batch
    for start in range(0, len(images), size):
        some = slice(start, start + size)
        yield images[some], None if labels is None else labels[some]


def _filled(batch: Batch) -> Batch:
    """Repeat the last example until there are enough to treat all of them alike."""
    images, labels = batch
    missing = -len(images) % _ROWS
    if not missing:
        return batch
    repeated = images[-1:].expand(missing, *images.shape[1:])
    if labels is not None:
        labels = torch.cat([labels, labels[-1:].expand(missing)])
    return torch.cat([images, repeated]), labels


def _joined(shares: list[Future[Tensor]]) -> Array:
    return torch.cat([share.result() for share in shares]).numpy()
