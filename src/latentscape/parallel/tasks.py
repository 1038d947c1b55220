"""Works that are done at once, each as a task of a Ray cluster."""

import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import torch
from threadpoolctl import threadpool_limits

from latentscape.core.errors import Interrupted, LatentscapeError
from latentscape.core.progress import listening, stage
from latentscape.parallel.calls import Call, as_they_end, settled
from latentscape.parallel.cluster import Cluster, Share
from latentscape.parallel.nodes import enter
from latentscape.parallel.telling import Logging, Message, Telling, passing_on

_log = logging.getLogger("latentscape")

T = TypeVar("T")
R = TypeVar("R")


def call_on_cluster(
    what: str,
    calls: Iterable[Call],
    cluster: Cluster,
    share: Share,
    jobs: int | None = None,
    *,
    count: int,
    total: float | None = None,
    describe: Callable[[int], str] | None = None,
) -> Iterator[tuple[int, Future[Any]]]:
    """Do several works at once, each as a task of a cluster.

    Parameters
    ----------
    cluster : Cluster
        Where. Ray decides on which node; a work whose node is lost begins anew on another.
    share : Share
        What each asks for.
    jobs : int or None
        How many are given to the cluster at once; None gives it all, and Ray does as many at once
        as it has room for.
    what, calls, count, total, describe
        As for `latentscape.parallel.calls.call_together`.

    Yields
    ------
    int
        The number of a work that has ended, in the order in which they do.
    Future
        What became of it.

    Raises
    ------
    RunError
        If the cluster fails.
    Interrupted
        If Ctrl-C came; works that train have saved themselves.
    """
    shares, begun = dict[str, float](), dict[Any, tuple[int, Call]]()

    def begin(call: Call) -> Any:
        shares[call.name] = call.share
        return cluster.submit(share, perform, setting, call.name, call.function)

    def first_ended(begun: Iterable[Any]) -> tuple[Any, Future[Any]]:
        task, error = cluster.first_ended(begun)
        return task, settled(error)

    describe = describe or (lambda n_done: f"{n_done:,} of {count:,} done, {cluster.describe()}")
    with (
        stage(what, count if total is None else total) as work,
        cluster.losses(),
        queue(cluster) as said,
        passing_on(said, work, shares),
        _stopping(cluster, begun),
    ):
        setting = Setting.of(said, share)
        yield from as_they_end(calls, jobs, begin, first_ended, begun, work, describe)


def map_on_cluster(
    function: Callable[[T], R], items: Iterable[T], cluster: Cluster, share: Share
) -> Iterator[R]:
    """Call a function for each item, as tasks of a cluster, and yield what it returns, in order.

    Items are taken, and results kept, for no more tasks than keep the cluster busy.

    Parameters
    ----------
    function : callable
        It can be pickled.
    items : iterable
        Its arguments.
    cluster, share
        As for `call_on_cluster`.

    Raises
    ------
    LatentscapeError
        As the function raises it, or if the cluster fails.
    """
    begun = deque[Any]()
    at_once = 2 * cluster.room(share)  # So that none waits for its next item.

    def first() -> R:
        _, (result, error) = cluster.first_ended([begun.popleft()])
        if error is not None:
            raise error
        returned: R = result
        return returned

    with cluster.losses(), _stopping(cluster, begun):
        for item in items:
            where = os.getcwd(), share.cores
            begun.append(cluster.submit(share, _try, function, item, *where))
            if len(begun) >= at_once:
                yield first()
        while begun:
            yield first()


def _try(
    function: Callable[[T], R], item: T, directory: str, threads: int
) -> tuple[R | None, LatentscapeError | None]:
    enter(directory)
    torch.set_num_threads(threads)
    try:
        return function(item), None
    except LatentscapeError as error:
        return None, error


@contextmanager
def _stopping(cluster: Cluster, begun: Iterable[Any]) -> Iterator[None]:
    """Let no work go on when nobody waits for it; those that train save themselves."""
    try:
        yield
    except BaseException as error:
        cluster.stop(list(begun))
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted("Stopped, and saved") from error
        raise


@contextmanager
def queue(cluster: Cluster) -> Iterator["Said"]:
    """Use a queue of Ray for what works say."""
    of_ray = cluster.queue()
    try:
        yield Said(of_ray)
    finally:
        if cluster.stands():
            with suppress(Exception):  # It may be gone with its node.
                of_ray.shutdown(force=True)


class Said:
    """A queue of Ray for what works say of their progress, which no work fails for.

    Parameters
    ----------
    queue : ray.util.queue.Queue
        The queue.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def put(self, message: Message) -> None:
        """Say it, if somebody can hear it."""
        with suppress(Exception):  # The queue is gone with its node, and all works soon are.
            self._queue.put(message)

    def get(self) -> Message:
        """Hear the next message."""
        message: Message = self._queue.get()
        return message

    def empty(self) -> bool:
        """Whether there is nothing to hear."""
        try:
            return bool(self._queue.empty())
        except Exception:  # noqa: BLE001 - as above.
            return True


@dataclass(frozen=True)
class Setting:
    """Where and how a work is done on a node.

    Attributes
    ----------
    directory : str
        Where relative paths begin.
    command : tuple of str
        What the user has given, for the record of a run.
    threads : int
        On how many threads.
    said : Said
        Who hears of its progress.
    level : int
        From which level on its log is heard.
    """

    directory: str
    command: tuple[str, ...]
    threads: int
    said: Said
    level: int

    @classmethod
    def of(cls, said: Said, share: Share) -> Self:
        """Return that of works which this process asks for."""
        level = _log.getEffectiveLevel()
        return cls(os.getcwd(), tuple(sys.argv), share.cores, said, level)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Set a process of the cluster up for a work."""
        enter(self.directory)
        sys.argv = list(self.command)
        torch.set_num_threads(self.threads)
        with threadpool_limits(self.threads):
            yield


def perform(setting: Setting, name: str, function: Callable[[], object]) -> LatentscapeError | None:
    """Do a work on a node; return what went wrong, in words for people."""
    try:
        with listened(setting, name):
            function()
    except LatentscapeError as error:
        return error
    except KeyboardInterrupt:
        return Interrupted("Not begun")
    return None


@contextmanager
def listened(setting: Setting, name: str) -> Iterator[None]:
    """Tell who asked for a work how it goes on, and what it logs."""
    handler, telling = Logging(setting.said), Telling(name, setting.said)
    _log.setLevel(setting.level)
    _log.addHandler(handler)
    try:
        with setting.entered(), listening(telling):
            yield
    finally:
        telling.end()
        _log.removeHandler(handler)
