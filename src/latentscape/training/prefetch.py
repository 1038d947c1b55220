"""Batches that are fetched in a thread of their own, while the device computes."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Batch = TypeVar("_Batch")

AHEAD = 2
"""Batches that are ready, or on their way, beside the one that is used."""

WORTH = 0.02
"""Share of a step from which on fetching a batch is worth a thread, which costs time too."""

_TIMED = 8
"""Steps that show how long fetching takes. The fastest count: others met a busy machine."""


class Prefetch:
    """Fetches the batches of one epoch after another, ahead of their use if that pays.

    Attributes
    ----------
    pays : bool or None
        Whether it does; None until a few steps have shown it.
    """

    def __init__(self) -> None:
        self.pays: bool | None = None

    def __call__(
        self, fetch: Callable[[int], _Batch], positions: Sequence[int]
    ) -> Iterator[_Batch]:
        """Yield what is fetched from each position, in order.

        Parameters
        ----------
        fetch : callable
            From a position to a batch, in any thread.
        positions : sequence of int
            Where to fetch from. What is yielded does not depend on how.
        """
        if self.pays is None:
            yield from self._timed(fetch, positions[:_TIMED])
            positions = positions[_TIMED:]
        yield from _ahead(fetch, positions) if self.pays else map(fetch, positions)

    def _timed(self, fetch: Callable[[int], _Batch], positions: Sequence[int]) -> Iterator[_Batch]:
        fetching, using = [], []
        for position in positions:
            begin = time.perf_counter()
            batch = fetch(position)
            fetched = time.perf_counter()
            yield batch
            fetching.append(fetched - begin)
            using.append(time.perf_counter() - fetched)
        if len(positions) == _TIMED:
            self.pays = min(fetching) > WORTH * min(using)


def _ahead(fetch: Callable[[int], _Batch], positions: Sequence[int]) -> Iterator[_Batch]:
    """Fetch in a thread; an error is raised where its batch would have been used."""
    pool = ThreadPoolExecutor(1, "batches")
    try:
        begun = deque(pool.submit(fetch, position) for position in positions[:AHEAD])
        for number in range(len(positions)):
            batch = begun.popleft().result()
            for position in positions[number + AHEAD : number + AHEAD + 1]:
                begun.append(pool.submit(fetch, position))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)
