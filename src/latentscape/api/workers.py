"""Runs that are trained, and analyses that are made, side by side in processes of their own."""

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
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue

import torch
from threadpoolctl import threadpool_limits

from latentscape.api.telling import Logging, Message, Telling, passing_on
from latentscape.api.training import finish_run
from latentscape.config import Recipe
from latentscape.core.errors import Interrupted, RunError, TrainingError
from latentscape.core.memory import available_memory
from latentscape.core.progress import listening, stage, steps
from latentscape.core.randomness import forked_random
from latentscape.core.records import Split
from latentscape.core.runtime import count_threads
from latentscape.data.sharing import is_shared, shared
from latentscape.runs import Run
from latentscape.tracking.tracker import Tracker
from latentscape.training.timing import training_seconds

SHARING = 1.25
"""What runs side by side cost each other in shared caches and memory, as a factor of time."""

_stopped = threading.Event()
"""Whether this process has been asked to stop."""


_log = logging.getLogger("latentscape")

TIMING = 5.0
"""Seconds that timing takes, whatever else the machine does, give or take a step."""

MEMORY = 1e9
"""Bytes that a process takes beside its data, with room to spare."""


@dataclass(frozen=True)
class Finishing:
    """How runs are finished: what `finish_run` is given beside run and split."""

    device: str
    quiet: bool
    trackers: Sequence[type[Tracker]]


def choose_jobs(work: Sequence[tuple[Recipe, Split]], device: torch.device) -> int:
    """Choose how many runs to train at once, by timing steps of each recipe.

    Small networks gain little from further cores, and several of them much more: as many as there
    are cores, and memory for, are trained at once, or one after the other, whichever is faster for
    all together.

    Parameters
    ----------
    work : sequence of (Recipe, Split)
        All runs that are to be trained.
    device : torch.device
        Where; runs share no other device than the CPU.

    Returns
    -------
    int
        How many at once.
    """
    threads = count_threads()
    stores = [split.dataset.images for _, split in work]
    each = MEMORY + max((store.nbytes for store in stores if not is_shared(store)), default=0)
    jobs = int(min(threads, len(work), available_memory() / each))
    if device.type != "cpu" or jobs < 2:
        return 1
    times = _time_recipes(work, device, threads, jobs)
    alone = sum(seconds for seconds, _ in times)
    together = sum(seconds for _, seconds in times) / jobs
    longest = max(seconds for _, seconds in times)
    return jobs if max(together, longest) < alone else 1


def _time_recipes(
    work: Sequence[tuple[Recipe, Split]], device: torch.device, threads: int, jobs: int
) -> list[tuple[float, float]]:
    """Return how long runs train, in seconds, alone and as one of several.

    What cannot be timed within `TIMING` seconds in all is left out: the others decide.
    """
    end = time.monotonic() + TIMING
    keys = [recipe.model_dump_json(exclude={"train": {"seed"}}) for recipe, _ in work]
    recipes = dict(zip(keys, work, strict=True))
    times = dict[str, tuple[float, float]]()
    for number, key in enumerate(steps("timing", list(recipes), lambda key: recipes[key][0].name)):
        left = end - time.monotonic()
        if times and left <= 0:
            break
        recipe, split = recipes[key]
        share = max(0.0, left) / (2 * (len(recipes) - number))
        with forked_random(0, device):
            alone = training_seconds(recipe, split, threads, device, share)
            together = training_seconds(recipe, split, threads // jobs, device, share)
        times[key] = alone, SHARING * together
    return [times[key] for key in keys if key in times]


def finish_together(
    runs: Sequence[tuple[Run, Split]], how: Finishing, jobs: int, threads: int
) -> Iterator[tuple[Run, TrainingError | None]]:
    """Train runs to their ends and evaluate them, several at once.

    Parameters
    ----------
    runs : sequence of (Run, Split)
        Where they stand, and their examples.
    how : Finishing
        What each is given.
    jobs : int
        How many at once.
    threads : int
        On how many threads each.

    Yields
    ------
    Run
        One that has come to its end, in the order in which they do.
    TrainingError or None
        What went wrong with it.

    Raises
    ------
    Interrupted
        If Ctrl-C came; every run has saved itself.
    RunError
        If the system ended a process.
    """
    with shared([split for _, split in runs]) as splits:
        calls = [
            Call(
                run.name, partial(finish_run, run, split, device=how.device, trackers=how.trackers)
            )
            for (run, _), split in zip(runs, splits, strict=True)
        ]
        for number, future in call_together("runs", calls, jobs, threads):
            yield runs[number][0], _error_of(future)


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


def _error_of(future: Future[None]) -> TrainingError | None:
    try:
        future.result()
    except Interrupted:
        raise
    except TrainingError as error:
        return error
    return None


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
