"""Workers as real processes, which train runs together."""

import os
import signal
import socket
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch

import latentscape
from latentscape.api.together import finish_on_workers
from latentscape.core.errors import LatentscapeError, RunError, TrainingError
from latentscape.core.records import Split
from latentscape.runs import open_run
from latentscape.training.conversation import WorkerLost
from latentscape.training.hook import Hook
from latentscape.training.train import follow_run, train_run
from latentscape.training.workers import joined

CPU = torch.device("cpu")

# Its processes are copies of one that has imported everything, and has no threads.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["latentscape.api.together"])


class In(Hook):
    """Sends a signal to a worker after a step, counted from the start."""

    everywhere = True

    def __init__(self, rank: int, step: int, number: signal.Signals) -> None:
        self.rank, self.step, self.number, self._steps = rank, step, number, 0

    def on_step(self, training) -> None:
        self._steps += 1
        if training.workers.rank == self.rank and self._steps == self.step:
            os.kill(os.getpid(), self.number)


def launch(count: int, call, *arguments, timeout: float = 120.0) -> list[int | None]:
    """Call a function in so many workers, and return their exit codes."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    processes = [
        _CONTEXT.Process(target=_work, args=(rank, count, port, call, arguments))
        for rank in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout)
        if process.is_alive():
            process.kill()
    return [process.exitcode for process in processes]


LOST = 7
"""Exit code of a worker that another one has left."""


def _work(rank: int, count: int, port: int, call, arguments) -> None:
    torch.set_num_threads(1)
    os.fsync = lambda file: None  # As in all tests.
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": rank, "WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in places.items()})
    try:
        call(*arguments)
    except LatentscapeError as error:
        sys.exit(LOST if isinstance(error, WorkerLost) else error.exit_code)


def train(runs: list[tuple[Path, Split]], *hooks: Hook) -> None:
    """Train runs to their ends, one after the other, as one of several workers."""
    with joined(CPU) as workers:
        for path, split in runs:
            run = workers.each(lambda path=path: open_run(path))
            if workers.leads:
                train_run(run, split, CPU, hooks, workers)
            else:
                follow_run(run, split, CPU, workers, hooks)


def differ() -> None:
    """Come with another version than the other worker."""
    with joined(CPU) as workers:
        with pytest.raises(TrainingError, match="worker 0 on .* has 1. Install one.") as raised:
            workers.agree("their versions", lambda: workers.rank, "Install one.")
        assert raised.value.is_told == (workers.rank == 1)
        raise raised.value


def fail_early(path: Path, split: Split) -> None:
    """Fail in the first worker before it trains, while the others wait for it to."""

    def finish() -> None:
        raise RunError("Another process trains it")

    with joined(CPU) as workers:
        run = workers.each(lambda: open_run(path))
        finish_on_workers(workers, run, split, "cpu", (), finish)


def begin_anew(folder: Path, **how: object) -> None:
    """Train a run after a launcher on another machine alone has begun anew."""
    os.environ["TORCHELASTIC_RESTART_COUNT"] = os.environ["RANK"]
    latentscape.train("simple-20", folder=folder, name="run", **how)
