"""Works that are done at once, each in a process of its own."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue

import torch
from threadpoolctl import threadpool_limits

from latentscape.core.errors import Interrupted, RunError
from latentscape.core.progress import listening, stage
from latentscape.parallel.telling import Logging, Message, Telling, passing_on

_stopped = threading.Event()
"""Whether this process has been asked to stop."""

_log = logging.getLogger("latentscape")


@dataclass(frozen=True)
class Call:
    """A work for a process of its own.

    Attributes
    ----------
    name : str
        What people read of it.
    function : callable
        Does it; it can be pickled.
    share : float
        How much of all that is done together it is.
    """

    name: str
    function: Callable[[], object]
    share: float = 1.0


def call_together(
    what: str, calls: Sequence[Call], jobs: int, threads: int
) -> Iterator[tuple[int, Future[None]]]:
    """Do several works at once, each in a process of its own.

    Parameters
    ----------
    what : str
        What all of them are, for people.
    calls : sequence of Call
        The works.
    jobs, threads : int
        How many at once, and on how many threads each.

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
    shares = {call.name: call.share for call in calls}
    with (
        stage(what, sum(shares.values())) as work,
        passing_on(said, work, shares),
        _stopping(pool),
    ):
        begun = {pool.submit(_call, call): number for number, call in enumerate(calls)}
        for n_done, future in enumerate(as_completed(begun), 1):
            work.describe(f"{n_done:,} of {len(calls):,} done, {jobs} at once")
            work.advance(calls[begun[future]].share)
            if isinstance(error := future.exception(), BrokenProcessPool):
                raise error  # Here, where it becomes an error with advice.
            yield begun[future], future


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


def _call(call: Call) -> None:
    if _stopped.is_set():  # A process has its next work handed out before it is asked to stop.
        raise Interrupted("Not begun")
    telling = Telling(call.name, _Process.said)
    try:
        with listening(telling):
            call.function()
    except (Interrupted, KeyboardInterrupt):
        _stopped.set()
        raise
    finally:
        telling.end()
