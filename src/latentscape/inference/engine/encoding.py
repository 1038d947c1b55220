"""Encoding of many examples on several threads, in pieces that fit into a processor's cache."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor

from latentscape.core.records import Array
from latentscape.core.runtime import count_threads, full_precision, one_thread
from latentscape.inference.batches import MULTIPLE, Batch, cut, filled, to_device
from latentscape.inference.engine.folding import folded
from latentscape.model import Network

_CACHE_BYTES = 6 << 20
"""Bytes of the largest output of a layer that stay in a processor's cache until the next layer."""

_WHOLE = 1 << 20
"""Examples at once where no cache matters."""

_AHEAD = 2
"""Batches that are computed while further ones are read."""


def encode_folded(model: Network, batches: Iterable[Batch]) -> Iterator[Array]:
    """Encode batches by a folded network while further batches are read.

    On the CPU threads share a batch by its examples. PyTorch's own threads would share every layer,
    and wait for each other after each. Here a thread takes a few examples at a time through all
    layers, so that what goes from layer to layer stays in its cache. No example's codes depend on
    the number of threads, to the bit.

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
    size = _examples_in_cache(model)

    def codes(share: Batch) -> Tensor:
        with torch.inference_mode():  # It holds for a single thread, this one.
            pieces = [lean.encode(*to_device(lean, filled(p))).cpu() for p in cut(share, size)]
            return torch.cat(pieces)[: len(share[0])]

    waiting: deque[list[Future[Tensor]]] = deque()
    with full_precision(), _workers(lean.device) as (pool, threads):
        for batch in batches:
            pieces_each = math.ceil(len(batch[0]) / size / threads)
            waiting.append([pool.submit(codes, share) for share in cut(batch, pieces_each * size)])
            if len(waiting) > _AHEAD:
                yield _joined(waiting.popleft())
        while waiting:
            yield _joined(waiting.popleft())


@contextmanager
def _workers(device: torch.device) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """Yield threads that compute alone, and their number: as many as torch has, one for a GPU."""
    threads = count_threads() if device.type == "cpu" else 1
    with one_thread():
        # oneDNN asks each thread anew how many it may use.
        pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            yield pool, threads
        finally:
            pool.shutdown(cancel_futures=True)


def _examples_in_cache(model: Network) -> int:
    """Return how many examples to encode at once: a multiple of `MULTIPLE`."""
    if model.device.type != "cpu":
        return _WHOLE
    layers = [row for row in model.describe() if row["part"] == "encoder"]
    widest = max(math.prod(cast(list[int], row["output"])) for row in layers)
    examples = _CACHE_BYTES // (widest * 4) // MULTIPLE * MULTIPLE
    return min(_WHOLE, max(MULTIPLE, examples))


def _joined(shares: list[Future[Tensor]]) -> Array:
    return torch.cat([share.result() for share in shares]).numpy()
