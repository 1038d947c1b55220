"""Works that are done at once, each in a process of its own."""

import logging
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue
from typing import Any, ClassVar, Generic, TypeVar
from uuid import uuid4

import torch
from threadpoolctl import threadpool_limits

from latentscape.core.errors import Interrupted, LatentscapeError, RunError, TrainingError
from latentscape.core.progress import Stage, listening, stage
from latentscape.parallel.telling import Logging, Message, Telling, passing_on

_stopped = threading.Event()
"""Whether this process has been asked to stop."""

_log = logging.getLogger("latentscape")

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A work for a process of its own.

    Attributes
    ----------
    name : str
        What people read of it.
    function : callable
        Does it; it can be pickled. What it returns is the result of the work's future, unless the
        work is a task of a cluster.
    share : float
        How much of all that is done together it is.
    """

    name: str
    function: Callable[[], object]
    share: float = 1.0


class Sent(Generic[T]):
    """Something that works share, sent to a process with the first of them and kept there.

    What is computed of it, and remembered beside it, is so computed once in each process.

    Parameters
    ----------
    thing : object
        It can be pickled.
    """

    _kept: ClassVar[dict[str, Any]] = {}

    def __init__(self, thing: T) -> None:
        self._key, self._thing = uuid4().hex, thing

    def __getstate__(self) -> tuple[str, bytes]:
        return self._key, pickle.dumps(self._thing)

    def __setstate__(self, state: tuple[str, bytes]) -> None:
        self._key, content = state
        if self._key not in self._kept:
            self._kept[self._key] = pickle.loads(content)
        self._thing = self._kept[self._key]

    def open(self) -> T:
        """Return it."""
        return self._thing


def call_together(
    what: str,
    calls: Iterable[Call],
    jobs: int,
    threads: int,
    *,
    count: int,
    total: float | None = None,
    describe: Callable[[int], str] | None = None,
) -> Iterator[tuple[int, Future[Any]]]:
    """Do several works at once, each in a process of its own.

    Parameters
    ----------
    what : str
        What all of them are, for people.
    calls : iterable of Call
        The works. The next one is asked for when a process is free, once the caller has seen what
        became of those before.
    jobs, threads : int
        How many at once, and on how many threads each.
    count : int
        How many works there are.
    total : float, optional
        The sum of their shares; by default each has one of 1.
    describe : callable, optional
        From how many have ended to what is said then.

    Yields
    ------
    int
        The number of a work that has ended, in the order in which they do.
    Future
        What became of it.

    Raises
    ------
    RunError
        If the system ended a process.
    """
    # Started afresh: a copy of this process would have the locks of threads that it lacks.
    context = get_context("spawn")
    said = context.SimpleQueue()
    level = _log.getEffectiveLevel()
    pool = ProcessPoolExecutor(jobs, context, _prepare, (threads, said, level))
    shares = dict[str, float]()

    def begin(call: Call) -> Future[Any]:
        shares[call.name] = call.share
        return pool.submit(_call, call)

    def first_ended(begun: Iterable[Future[Any]]) -> tuple[Future[Any], Future[Any]]:
        future = next(iter(wait_for(begun, return_when=FIRST_COMPLETED).done))
        if isinstance(error := future.exception(), BrokenProcessPool):
            raise error  # Here, where it becomes an error with advice.
        return future, future

    describe = describe or (lambda n_done: f"{n_done:,} of {count:,} done, {jobs} at once")
    with (
        stage(what, count if total is None else total) as work,
        passing_on(said, work, shares),
        _stopping(pool),
    ):
        yield from as_they_end(calls, jobs, begin, first_ended, {}, work, describe)


def as_they_end(
    calls: Iterable[Call],
    jobs: int | None,
    begin: Callable[[Call], T],
    first_ended: Callable[[Iterable[T]], tuple[T, Future[Any]]],
    begun: dict[T, tuple[int, Call]],
    work: Stage,
    describe: Callable[[int], str],
) -> Iterator[tuple[int, Future[Any]]]:
    """Begin works, and yield each as it ends; the next one is begun after that.

    Parameters
    ----------
    calls, describe
        As for `call_together`.
    jobs : int or None
        How many are begun at once; None begins all.
    begin : callable
        Begins a work, and returns what stands for it.
    first_ended : callable
        Waits for one of several to end; returns what stands for it, and what became of it.
    begun : dict
        Is kept up to date: the works that have begun and not ended.
    work : Stage
        Shows how many have ended.
    """
    waiting = enumerate(calls)

    def add(more: int | None) -> None:
        begun.update((begin(call), (number, call)) for number, call in islice(waiting, more))

    add(jobs)
    n_done = 0
    while begun:
        task, future = first_ended(begun)
        number, call = begun.pop(task)
        n_done += 1
        work.advance(call.share)
        yield number, future
        work.describe(describe(n_done))
        add(1)


def call_in_turn(
    what: str, calls: Iterable[Call], *, count: int, describe: Callable[[int], str]
) -> Iterator[tuple[int, Future[Any]]]:
    """Do works one after the other, in this process: `call_together` for one at a time."""
    with stage(what, count) as work:
        for number, call in enumerate(calls):
            work.step(describe(number), call.share)
            try:
                future = settled(None, call.function())
            except LatentscapeError as error:
                future = settled(error)
            yield number, future


def settled(error: LatentscapeError | None, result: object = None) -> Future[Any]:
    """Return what became of a work that has ended, with an error or with a result."""
    future = Future[Any]()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return future


def error_of(future: Future[Any]) -> TrainingError | None:
    """Return why a training has failed; None where it has come to its end.

    Raises
    ------
    Exception
        If something else than training went wrong, or it was stopped.
    """
    try:
        future.result()
    except Interrupted:
        raise
    except TrainingError as error:
        return error
    return None


@contextmanager
def _stopping(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Let processes end, whatever happens; asked to stop, those that train save themselves."""
    others = set(active_children())
    try:
        yield
    except BaseException as error:
        for process in set(active_children()) - others:
            process.terminate()
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted("Stopped, and saved") from error
        if not isinstance(error, BrokenProcessPool):
            raise
        raise RunError(
            "A process has been ended from outside, perhaps for want of memory",
            fix="Give the same command again with fewer --jobs; it goes on from where it was.",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


class _Process:
    """What a process is given when it starts."""

    said: "SimpleQueue[Message]"


def _prepare(threads: int, said: "SimpleQueue[Message]", level: int) -> None:
    """Set up a process: no more threads than its share, and no life without its parent."""
    _Process.said = said
    _log.setLevel(level)
    _log.addHandler(Logging(said))
    torch.set_num_threads(threads)
    threadpool_limits(threads)  # Of NumPy and scikit-learn too, from now on.
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C is for the parent, which passes it on.
    for end in (_end_with_parent, _end_when_stopped):
        threading.Thread(target=end, daemon=True).start()


def _end_with_parent() -> None:
    """Stop, and save, when the parent is gone, which may have been killed."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)  # The end, unless a run is being trained, and saves.


def _end_when_stopped() -> None:
    """End the process once its run has saved itself; it would only wait for the next one."""
    _stopped.wait()
    time.sleep(1)  # So that the parent hears why.
    os._exit(Interrupted.exit_code)


def _call(call: Call) -> object:
    if _stopped.is_set():  # A process has its next work handed out before it is asked to stop.
        raise Interrupted("Not begun")
    telling = Telling(call.name, _Process.said)
    try:
        with listening(telling):
            return call.function()
    except (Interrupted, KeyboardInterrupt):
        _stopped.set()
        raise
    finally:
        telling.end()
