"""Virtual shards: parts of a batch that any number of workers can share out, to the same bits.

A batch is cut at places that depend on its size and the number of shards alone. What shards come to
is added up as a tree of a fixed shape: whoever adds up a branch, it is the same sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.errors import ConfigError
from latentscape.training.loader import Batch, Examples, Loader
from latentscape.training.workers import Workers

ALIGNED = 16
"""Numbers that tensors begin at multiples of in a row: kernels load 64 bytes at once."""


def cut(count: int, shards: int) -> list[int]:
    """Return the edges of the shards of so many examples.

    All are of one size, give or take one example. The last of them are left out where a batch is
    too small for two examples in each, because batch normalisation cannot learn from one.
    """
    used = max(1, min(shards, count // 2))
    return [number * count // used for number in range(used + 1)]


def check_workers(shards: int, workers: int) -> None:
    """Refuse a number of workers that cannot share the shards of a batch evenly.

    Raises
    ------
    ConfigError
        With the numbers that could.
    """
    if shards % workers == 0:
        return
    numbers = [str(1 << level) for level in range(shards.bit_length())]
    more = max(8, 1 << (workers - 1).bit_length())
    fix = f"Begin a run with more of them: --set train.shards={more}." if more > shards else ""
    raise ConfigError(
        f"{workers} workers cannot share {shards} shard{'s' * (shards > 1)} of a batch evenly",
        expected=f"{' or '.join(numbers)} worker{'s' * (shards > 1)}",
        fix=fix,
    )


@dataclass(frozen=True)
class ShardedBatch(Batch):
    """The examples of a batch that are in the shards of one worker.

    Attributes
    ----------
    count : int
        Examples in the whole batch, which is its length.
    first : int
        The number of the first of these shards.
    sizes : tuple of int
        Examples in each of these shards.
    epoch, position : int
        The place of the batch in training.
    """

    count: int
    first: int
    sizes: tuple[int, ...]
    epoch: int
    position: int

    def __len__(self) -> int:
        return self.count

    @property
    def shards(self) -> list[Batch]:
        """Each shard as a batch of its own."""
        edges = pairwise(accumulate(self.sizes, initial=0))
        labels = self.labels
        return [
            Batch(self.images[start:stop], None if labels is None else labels[start:stop])
            for start, stop in edges
        ]


class ShardedLoader(Loader):
    """The batches of one part of a dataset: of each, the shards of one worker.

    Parameters
    ----------
    examples, index, size, seed, binarize
        As for `Loader`.
    shards : int
        How many a batch has.
    workers : Workers
        Says which of them are this worker's.
    """

    def __init__(
        self,
        examples: Examples,
        index: NDArray[np.int64],
        size: int,
        seed: int,
        binarize: bool,
        shards: int,
        workers: Workers,
    ) -> None:
        super().__init__(examples, index, size, seed, binarize)
        each = shards // workers.count
        self._first, self._shards = each * workers.rank, shards
        self._own = slice(self._first, self._first + each + 1)

    def _edges(self, position: int) -> list[int]:
        """Return the edges of the shards of this worker within a batch; one where it has none."""
        start, stop = self._bounds[position]
        edges = cut(stop - start, self._shards)
        return edges[self._own] or edges[-1:]

    def _range(self, position: int) -> tuple[int, int]:
        edges, start = self._edges(position), self._bounds[position][0]
        return start + edges[0], start + edges[-1]

    def _finished(self, batch: Batch, number: int, position: int) -> Batch:
        start, stop = self._bounds[position]
        sizes = tuple(after - before for before, after in pairwise(self._edges(position)))
        sharded = ShardedBatch(
            batch.images, batch.labels, stop - start, self._first, sizes, number, position
        )
        if not self._binarize or not sizes:
            return sharded
        drawn = [
            self._drawn(shard, number, position, shard_number).images
            for shard_number, shard in enumerate(sharded.shards, self._first)
        ]
        return replace(sharded, images=torch.cat(drawn))


class Row:
    """Tensors that lie behind each other in memory, so that they are added and sent as one.

    Parameters
    ----------
    like : sequence of Tensor
        Shapes and layouts of the tensors.
    slices : int
        Into as many parts of one size it can be cut.

    Attributes
    ----------
    numbers : Tensor
        (N,) all numbers.
    tensors : list of Tensor
        Views of them.
    """

    def __init__(self, like: Sequence[Tensor], slices: int) -> None:
        *starts, end = accumulate((_padded(tensor.numel(), ALIGNED) for tensor in like), initial=0)
        self.numbers = like[0].new_zeros(_padded(end, slices * ALIGNED))
        self.tensors = [
            self.numbers.as_strided(tensor.shape, tensor.stride(), start)
            for tensor, start in zip(like, starts, strict=True)
        ]

    def write(self, values: tuple[Tensor, ...] | None) -> None:
        """Take the values of tensors; zeros where there are none."""
        if values is None:
            self.numbers.zero_()
        else:
            torch._foreach_copy_(self.tensors, values)

    def add(self, values: tuple[Tensor, ...] | None) -> None:
        """Add the values of tensors."""
        if values is None:
            self.numbers.add_(0.0)  # As any zeros would, which turns -0 into 0.
        else:
            torch._foreach_add_(self.tensors, values)


def _padded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


class TreeSum:
    """Adds neighbours, then their sums, and so on: the same bits on any number of workers.

    The shards of a worker are a branch of the tree, which it adds up by itself, with a row for each
    level. So one row of each worker travels.

    Parameters
    ----------
    like : sequence of Tensor
        What each shard comes to.
    shards : int
        How many there are: a power of two.
    workers : Workers
        They have as many shards each.
    """

    def __init__(self, like: Sequence[Tensor], shards: int, workers: Workers) -> None:
        self._workers, self._own, self._number = workers, shards // workers.count, 0
        self._rows = [Row(like, workers.count) for _ in range(self._own.bit_length())]

    def add(self, values: tuple[Tensor, ...] | None) -> None:
        """Add what the next shard of this worker comes to; None where it has no examples."""
        rows, number, level = self._rows, self._number, 0
        self._number = (number + 1) % self._own
        if number % 2 == 0:
            rows[0].write(values)
            return
        rows[0].add(values)
        # The sum of two is on its way up, past all levels where its neighbour waits for it.
        while number & (2 << level):
            level += 1
            rows[level].numbers.add_(rows[level - 1].numbers)
        rows[level], rows[level + 1] = rows[level + 1], rows[level]

    def total(self) -> list[Tensor]:
        """Return the sum over the shards of all workers; the next one writes over it."""
        self._workers.add(self._rows[-1].numbers)
        return self._rows[-1].tensors
