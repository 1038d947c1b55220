"""Modules that move by averages over batches, and not by gradients."""

import torch
from torch import Tensor, nn


class BatchAverages(nn.Module):
    """A module whose buffers follow what it sees of each batch.

    It learns in its forward pass. Where a batch is computed in shards, that is deferred: what it
    sees of the shards is put together, and it learns once from the whole batch.

    Attributes
    ----------
    seen : list of tuple of Tensor, or None
        What it has seen of shards so far; None where nothing is deferred.
    """

    seen: list[tuple[Tensor, ...]] | None = None

    @property
    def is_deferred(self) -> bool:
        """Whether it learns later."""
        return self.seen is not None

    @property
    def has_started(self) -> bool:
        """Whether it needs no first batch to begin with."""
        return True

    def observe(self, *values: Tensor) -> None:
        """Learn from what was seen of a batch, (N, ...) each, or keep it for later."""
        if self.seen is None:
            self.learn(*values)
        else:
            self.seen.append(values)

    def start(self, *values: Tensor) -> None:
        """Begin with what was seen of a first batch, before it is computed."""

    def learn(self, *values: Tensor) -> None:
        """Move by what was seen of a batch."""
        raise NotImplementedError


def sums_by(index: Tensor, rows: Tensor, count: int) -> Tensor:
    """Add up the rows (N, ...) of each of `count` groups, whose numbers are `index` (N,).

    The order of the additions is fixed, so that the same rows always give the same bits. On the CPU
    ``index_add_`` has such an order, and on a GPU a product of matrices, while ``index_add_`` adds
    as its threads come there.
    """
    if rows.device.type == "cpu":
        return rows.new_zeros(count, *rows.shape[1:]).index_add_(0, index, rows)
    return _by_product(index, rows, count)


def _by_product(index: Tensor, rows: Tensor, count: int) -> Tensor:
    belongs = (torch.arange(count, device=index.device)[:, None] == index).to(rows.dtype)
    with torch.autocast(rows.device.type, enabled=False):  # Counts need more than 8 bits.
        sums = belongs @ rows.reshape(len(rows), -1)
    return sums.view(count, *rows.shape[1:])
