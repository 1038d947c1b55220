"""The memory that a command takes for itself: what no file holds."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

INTERVAL = 0.02
"""Seconds between two looks."""


@dataclass(frozen=True)
class Taken:
    """What a command took.

    Attributes
    ----------
    peak : int
        The most bytes of anonymous memory (RssAnon) that its process had, where one looked.
    seconds : float
        From its start to its end.
    output : str
        What it printed.
    """

    peak: int
    seconds: float
    output: str


def run(
    command: Sequence[str | Path], environment: Mapping[str, str], group: Path | None = None
) -> Taken:
    """Run a command, and watch its memory.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments. What it starts in turn is not watched.
    environment : mapping
        All of its environment variables.
    group : Path, optional
        Folder of a control group that it joins.

    Raises
    ------
    RuntimeError
        If it ends with an error: with the last that it said.
    """
    joined = ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$0" "$@"'] if group else []
    begun, peak = time.perf_counter(), 0
    with TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*joined, *map(str, command)],
            env=dict(environment),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(INTERVAL)
        said.seek(0)
        output = said.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {output[-2000:]}")
    return Taken(peak, time.perf_counter() - begun, output)


def anonymous(process: int) -> int:
    """Return the bytes of anonymous memory that a process has now; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    sizes = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return 1024 * int(sizes[0]) if sizes else 0
