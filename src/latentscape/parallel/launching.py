"""One work in several processes, which train one model together: PyTorch's launcher."""

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM, Signals
from typing import TypeVar
from uuid import uuid4

from latentscape.core.errors import Interrupted, TrainingError
from latentscape.core.runtime import count_threads

T = TypeVar("T")

SAVING = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "300"}
"""Seconds that a process that was asked to stop has to save a checkpoint."""


def launch(arguments: Sequence[str], workers: int) -> int:
    """Give a command of this program in so many processes of this machine, and wait for all.

    It returns the exit code of the first one; see `call_in_processes`.
    """
    code, _ = call_in_processes(sys.executable, ("-m", "latentscape", *arguments), workers)
    return code


def call_in_processes(
    program: str | Callable[..., T], arguments: Sequence[object], workers: int
) -> tuple[int, T | None]:
    """Start a program, or call a function, in so many processes of this machine, and wait for all.

    They share the cores of this one. Only the first is seen.

    Parameters
    ----------
    program : str or callable
        Its path; or a function that can be pickled.
    arguments : sequence
        Of the program or of the function.
    workers : int
        How many processes.

    Returns
    -------
    int
        The exit code of the first process.
    object or None
        What the function has returned there, if it did in all of them.

    Raises
    ------
    Interrupted
        If Ctrl-C or a signal came; the processes have ended, and said what is saved.
    TrainingError
        If a process was ended from outside.
    """
    threads = {"OMP_NUM_THREADS": str(max(1, count_threads() // workers))}
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # It says nothing by itself: what fails says so, or this function does.
    for name in logging.root.manager.loggerDict:
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="latentscape-") as folder,
        _in_environment({**SAVING, **threads}),
    ):
        hidden = dict.fromkeys(range(1, workers), Std.ALL)
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=workers,
            run_id=uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",  # Whichever port is free.
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(folder, hidden),
        )
        try:
            returned = elastic_launch(config, program)(*arguments)
        except SignalException as error:
            stopped = Interrupted("Stopped")
            stopped.is_told = True  # By the first process.
            raise stopped from error
        except ChildFailedError as error:
            codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
            return _explained(codes, workers, Path(folder)), None
    return 0, returned[0]


@contextmanager
def _in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment that nobody has set, for processes that are started now."""
    missing = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _explained(codes: Mapping[int, int], workers: int, logs: Path) -> int:
    """Say what has failed, unless the first process has said it, and return its exit code.

    Parameters
    ----------
    codes : mapping of int to int
        The exit codes of the processes that have failed, by their ranks; below 0 those of signals.
    workers : int
        How many processes there were.
    logs : Path
        Where the others have written what they said.
    """
    # The launcher has ended those that were left by SIGTERM.
    killed = {rank: -code for rank, code in codes.items() if code not in (*range(256), -SIGTERM)}
    for rank, number in killed.items():
        raise TrainingError(
            f"Worker {rank} of {workers} was ended by {Signals(number).name}, perhaps for want of "
            "memory",
            fix="Go on from the last checkpoint: latentscape train --resume RUN --workers N.",
        )
    for rank in codes:
        for file in logs.rglob(f"{rank}/stderr.log"):
            print(file.read_text(errors="replace"), end="", file=sys.stderr)
    return max(codes.get(0, 0), 0) or max(*codes.values(), 1)
