"""Runs that are trained side by side, each in a process of its own on its share of the cores."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits

from latentscape.api.training import finish_run
from latentscape.config import Recipe
from latentscape.core.errors import Interrupted, RunError, TrainingError
from latentscape.core.memory import available_memory
from latentscape.core.progress import Listener, Stage, listening, stage
from latentscape.core.randomness import forked_random
from latentscape.core.records import Split
from latentscape.core.runtime import count_threads
from latentscape.runs import Run
from latentscape.tracking.tracker import Tracker
from latentscape.training.timing import training_seconds

SHARING = 1.25
"""What runs side by side cost each other in shared caches and memory, as a factor of time."""

_stopped = threading.Event()
"""Whether this process has been asked to stop."""


_log = logging.getLogger("latentscape")

SAID_EVERY = 0.2
"""Seconds between two messages of a run about its progress."""

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
    each = MEMORY + max((split.dataset.images.nbytes for _, split in work), default=0)
    jobs = int(min(threads, len(work), available_memory() / each))
    if device.type != "cpu" or jobs < 2:
        return 1
    alone = together = longest = 0.0
    times: dict[str, tuple[float, float]] = {}
    for recipe, split in work:
        key = recipe.model_dump_json(exclude={"train": {"seed"}})
        if key not in times:
            with forked_random(0, device):
                times[key] = (
                    training_seconds(recipe, split, threads),
                    SHARING * training_seconds(recipe, split, threads // jobs),
                )
        alone += times[key][0]
        together += times[key][1] / jobs
        longest = max(longest, times[key][1])
    return jobs if max(together, longest) < alone else 1


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
    # Started afresh: a copy of this process would have the locks of threads that it lacks.
    context = get_context("spawn")
    said = context.SimpleQueue()
    level = _log.getEffectiveLevel()
    pool = ProcessPoolExecutor(jobs, context, _prepare, (threads, said, level))
    with stage("runs", len(runs)) as work, _passing_on(said, work), _stopping(pool):
        begun = {pool.submit(_finish, run, split, how): run for run, split in runs}
        for n_done, future in enumerate(as_completed(begun), 1):
            work.describe(f"{n_done:,} of {len(runs):,} done, {jobs} at once")
            work.advance()
            yield begun[future], _error_of(future)


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
            "A process that trained a run has been ended from outside, perhaps for want of memory",
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


class _Said(NamedTuple):
    """What a run says of its progress: what it does and how much of it is done, or a note."""

    run: str
    detail: str = ""
    fraction: float = 0.0
    note: str = ""
    has_ended: bool = False


class _Telling(Listener):
    """Tells the parent of this process what a run is doing."""

    def __init__(self, run: str) -> None:
        self._run, self._said_at = run, 0.0

    def on_begin(self, stage: Stage) -> None:
        """Tell it at once."""
        self._tell(stage)

    def on_advance(self, stage: Stage) -> None:
        """Tell it a few times a second."""
        if time.monotonic() - self._said_at > SAID_EVERY:
            self._tell(stage)

    def on_note(self, stage: Stage, text: str) -> None:
        """Pass it on."""
        _process.said.put(_Said(self._run, note=text))

    def end(self) -> None:
        """Tell that the run has ended."""
        _process.said.put(_Said(self._run, has_ended=True))

    def _tell(self, stage: Stage) -> None:
        self._said_at = time.monotonic()
        is_training = stage.name == self._run
        detail = stage.detail if is_training else stage.text()
        fraction = stage.fraction() or 0.0 if is_training else 1.0
        _process.said.put(_Said(self._run, detail, fraction))


_Message = _Said | logging.LogRecord | None
"""What processes say or log; None ends it."""


class _Logging(logging.Handler):
    """Tells the parent of this process what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on as a text: what it is about need not be sent."""
        written = {"msg": record.getMessage(), "args": None, "exc_info": None}
        _process.said.put(logging.makeLogRecord({**vars(record), **written}))


@contextmanager
def _passing_on(said: "SimpleQueue[_Message]", work: Stage) -> Iterator[None]:
    """Make parts of a stage of what processes say, in a thread of its own."""
    thread = threading.Thread(target=_pass_on, args=(said, work), daemon=True)
    thread.start()
    try:
        yield
    finally:
        said.put(None)
        thread.join(timeout=1)  # A process that was killed may have left half a message.


def _pass_on(said: "SimpleQueue[_Message]", work: Stage) -> None:
    parts = dict[str, Stage]()
    while (one := said.get()) is not None:
        if isinstance(one, logging.LogRecord):
            logging.getLogger(one.name).handle(one)
        elif one.note:
            work.note(one.note)
        elif one.has_ended:
            if one.run in parts:
                parts.pop(one.run).end()
        else:
            if one.run not in parts:
                parts[one.run] = Stage(one.run, 1.0, parent=work, share=1.0, listener=work.listener)
                parts[one.run].begin()
            parts[one.run].describe(one.detail)
            parts[one.run].advance_to(one.fraction)
    for part in parts.values():
        part.end()


class _Process:
    """What a process is given when it starts."""

    said: "SimpleQueue[_Message]"


_process = _Process()


def _prepare(threads: int, said: "SimpleQueue[_Message]", level: int) -> None:
    """Set up a process: no more threads than its share, and no life without its parent."""
    _process.said = said
    _log.setLevel(level)
    _log.addHandler(_Logging())
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


def _finish(run: Run, split: Split, how: Finishing) -> None:
    if _stopped.is_set():  # A process has its next run handed out before it is asked to stop.
        raise Interrupted("Not begun")
    telling = _Telling(run.name)
    try:
        with listening(telling):
            finish_run(run, split, device=how.device, trackers=how.trackers)
    except (Interrupted, KeyboardInterrupt):
        _stopped.set()
        raise
    finally:
        telling.end()
