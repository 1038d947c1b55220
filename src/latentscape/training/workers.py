"""The workers that train one model together: processes of a process group of PyTorch.

Every worker has the whole model, and computes some shards of each batch. The first one decides and
writes; the others follow: see `latentscape.training.conversation`.
"""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from latentscape.core.errors import ConfigError, LatentscapeError, TrainingError
from latentscape.core.launched import launched_processes, number_of
from latentscape.training.conversation import Conversation, WorkerLost

_T = TypeVar("_T")

PATIENCE = timedelta(hours=6)
"""How long workers wait for one that runs: the first one measures each epoch alone."""

SHORT = 1 << 18
"""Numbers in a row up to which it takes less time to send all of it at once."""


class Workers:
    """All workers, as one of them sees them; without a process group it is alone.

    Parameters
    ----------
    rank : int
        Which one this is.
    count : int
        How many there are.

    Attributes
    ----------
    conversation : Conversation
        What the first one says to the others while they train.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count
        self.conversation = Conversation(self._largest if count > 1 else None)
        # Words travel between processors, also where all else travels between devices.
        self._words = dist.new_group(backend="gloo", timeout=PATIENCE) if count > 1 else None

    @property
    def leads(self) -> bool:
        """Whether this one decides and writes."""
        return self.rank == 0

    def add(self, row: Tensor) -> None:
        """Replace a row (N,) by its sum over workers: neighbours first, then their sums.

        Each worker adds up a slice of long rows, so that no more travels than in a ring.

        Parameters
        ----------
        row : Tensor
            Can be cut into as many slices of one size as there are workers.
        """
        if self.count == 1:
            return
        with self._all_there():
            if len(row) < SHORT:
                rows = row.new_empty(self.count, len(row))
                dist.all_gather(list(rows), row)
                row.copy_(_added(rows))
            else:
                slices = row.new_empty(self.count, len(row) // self.count)
                dist.all_to_all_single(slices, row.view_as(slices))
                dist.all_gather(list(row.view_as(slices)), _added(slices))

    def gather_unequal(self, rows: Tensor) -> tuple[Tensor, int]:
        """Return the rows (n, N) of all workers, where some have more than others; none is (0, 0).

        Returns
        -------
        Tensor
            All rows, in the order of the workers.
        int
            Which is the first of this worker.
        """
        if self.count == 1:
            return rows, 0
        sizes = self._gather_numbers(rows.shape)
        longest, width = (max(size) for size in zip(*sizes, strict=True))
        padded = rows.new_zeros(longest, width)
        padded[: rows.shape[0], : rows.shape[1]] = rows
        parts, lengths = [torch.empty_like(padded) for _ in sizes], [length for length, _ in sizes]
        with self._all_there():
            dist.all_gather(parts, padded)
        whole = torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])
        return whole, sum(lengths[: self.rank])

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Give all workers the numbers in tensors of the first one."""
        if self.count > 1:
            with self._all_there():
                for tensor in tensors:
                    dist.broadcast(tensor, 0)

    def each(self, call: Callable[[], _T]) -> _T:
        """Do something in each worker, and return what it comes to in this one.

        Raises
        ------
        LatentscapeError
            That of this worker; or `Elsewhere`, where another one has failed.
        """
        results: list[_T] = []
        self._outcomes(lambda: results.append(call()))
        return results[0]

    def first(self, call: Callable[[], _T]) -> _T:
        """Return what something comes to in the first worker."""
        outcome: _T = self._outcomes(call)[0][1]
        return outcome

    def some(self, call: Callable[[], bool]) -> bool:
        """Tell whether something is true in one of the workers."""
        return any(value for _, value in self._outcomes(call))

    def agree(self, what: str, call: Callable[[], object], fix: str) -> None:
        """Refuse to go on where something differs between workers.

        Raises
        ------
        TrainingError
            With a worker that differs from the first one.
        """
        outcomes = self._outcomes(call)
        (host, expected), *others = outcomes
        other = [rank for rank, (_, value) in enumerate(others, 1) if value != expected]
        if other:
            self.conversation.part()
            where, value = outcomes[other[0]]
            differing = TrainingError(
                f"Workers differ in {what}: worker 0 on {host} has {expected}, worker {other[0]} "
                f"on {where} has {value}",
                fix=fix,
            )
            differing.is_told = not self.leads
            raise differing

    def _outcomes(self, call: Callable[[], Any]) -> list[tuple[str, Any]]:
        """Do something in each worker; return the hosts, and what came of it there."""
        result, failure = None, None
        try:
            result = call()
        except LatentscapeError as error:
            if not self.conversation.is_open:
                raise
            failure = error
        own = (platform.node(), result, failure and (str(failure), failure.exit_code))
        outcomes: list[Any] = [own]
        if self.count > 1:
            outcomes *= self.count
            with self._all_there():
                dist.all_gather_object(outcomes, own, group=self._words)
        failures = [rank for rank, (_, _, theirs) in enumerate(outcomes) if theirs is not None]
        if not failures:
            return [(host, value) for host, value, _ in outcomes]
        self.conversation.part()
        rank = failures[0]
        failure = failure or Elsewhere(rank, outcomes[rank][0], *outcomes[rank][2])
        failure.is_told = not self.leads
        raise failure

    @contextmanager
    def _all_there(self) -> Iterator[None]:
        """Where a worker is gone, say so."""
        try:
            yield
        except RuntimeError as error:
            self.conversation.part()
            raise WorkerLost("A worker has ended, and the others stop") from error

    def _largest(self, numbers: Sequence[int]) -> list[int]:
        """Return the largest of the numbers that all workers have, in each place."""
        largest = torch.tensor(numbers)
        with self._all_there():
            dist.all_reduce(largest, dist.ReduceOp.MAX, group=self._words)
        values: list[int] = largest.tolist()
        return values

    def _gather_numbers(self, numbers: Sequence[int]) -> list[tuple[int, ...]]:
        own = torch.tensor(numbers)
        gathered = [torch.empty_like(own) for _ in range(self.count)]
        with self._all_there():
            dist.all_gather(gathered, own, group=self._words)
        return [tuple(numbers.tolist()) for numbers in gathered]


def _added(rows: Tensor) -> Tensor:
    """Add rows (n, N), a power of two, into the first of them: neighbours, then their sums."""
    stride = 1
    while stride < len(rows):
        rows[:: 2 * stride].add_(rows[stride :: 2 * stride])
        stride *= 2
    return rows[0]


class Elsewhere(TrainingError):
    """What another worker has failed with, which says so itself.

    Parameters
    ----------
    rank : int
        Which worker.
    host : str
        Where it runs.
    text : str
        What it says.
    exit_code : int
        How it ends.
    """

    def __init__(self, rank: int, host: str, text: str, exit_code: int) -> None:
        super().__init__(f"Worker {rank} on {host}: {text}")
        self.exit_code = exit_code
        self._arguments = rank, host, text, exit_code

    def __reduce__(self) -> tuple[Any, ...]:
        """Be made anew from its parts in the process that hears of it."""
        return type(self), self._arguments, {"is_told": self.is_told}


ALONE = Workers()


@contextmanager
def joined(device: torch.device) -> Iterator[Workers]:
    """Join the workers that this process is one of; alone where there are no others.

    They are those of the process group, if there is one; else of ``torchrun``, which sets the
    variables RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.

    Parameters
    ----------
    device : torch.device
        Where they compute; on CUDA each has a device of its own.

    Raises
    ------
    ConfigError
        If the variables are wrong, or the workers do not find each other.
    """
    if dist.is_available() and dist.is_initialized():
        count = dist.get_world_size()
        yield Workers(dist.get_rank(), count)
        return
    if launched_processes() == 1:
        yield ALONE
        return
    workers = _join(device)
    try:
        yield workers
    finally:
        dist.destroy_process_group()


def _join(device: torch.device) -> Workers:
    rank, count = number_of("RANK"), launched_processes()
    port = number_of("MASTER_PORT")
    if device.type == "cuda":
        _take_gpu(number_of("LOCAL_RANK", rank))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, rank=rank, world_size=count)
    except (RuntimeError, ValueError) as error:
        place = f"{os.environ.get('MASTER_ADDR', '(MASTER_ADDR is not set)')}:{port}"
        raise ConfigError(
            f"Worker {rank} of {count} cannot meet the others at {place}: {error}",
            fix="Take a port that is free (--master-port of torchrun), on a host all can reach.",
        ) from error
    return Workers(rank, count)


def _take_gpu(number: int) -> None:
    """Compute on one of the GPUs of this machine, by its number."""
    count = torch.cuda.device_count()
    if number >= count:
        raise ConfigError(
            f"Worker {number} of this machine has no GPU: there {'is' if count == 1 else 'are'} "
            f"{count}",
            expected="a GPU for each worker",
            fix="Start fewer workers, or add --device cpu.",
        )
    torch.cuda.set_device(number)
