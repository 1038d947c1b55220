"""Commands in processes of their own: how long they take, and how much memory."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import last_line
from benchmarks.works import ROOT

MOST_SECONDS = 1800
"""A command that takes longer is stopped."""


class Failed(Exception):
    """A command ended with an error, or did not end."""


@dataclass(frozen=True)
class Measured:
    """What came of a command.

    Attributes
    ----------
    seconds : float
        From its start to its end.
    peak_bytes : int
        The most memory that it, or a process that it waited for, held at once.
    output : str
        What it printed.
    errors : tuple
        Lines of its standard error, each with the seconds after which it came.
    """

    seconds: float
    peak_bytes: int
    output: str
    errors: tuple[tuple[float, str], ...]


def measure(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    threads: int | None = None,
) -> Measured:
    """Run a command in a folder, with so many more environment variables, on so many cores.

    Raises
    ------
    Failed
        With the last line of what it said.
    """
    order = {
        "command": [str(part) for part in command],
        "most_seconds": MOST_SECONDS,
        "threads": threads,
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "launcher.py", json.dumps(order)],
        cwd=folder,
        env={
            **os.environ,
            **({"OMP_NUM_THREADS": str(threads)} if threads else {}),
            **(environment or {}),
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"failed: {last_line(done.stderr)}")
    found = json.loads(done.stdout)
    if found["seconds"] > MOST_SECONDS:
        raise Failed(f"not done after {MOST_SECONDS:,} seconds")
    if found["returncode"]:
        raise Failed(f"failed: {last_line(''.join(line for _, line in found['errors']))}")
    errors = tuple((seconds, line) for seconds, line in found["errors"])
    return Measured(found["seconds"], found["peak_bytes"], found["output"], errors)
