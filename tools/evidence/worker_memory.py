"""The memory that each of two workers takes for itself while the data grow.

The files are those of ``tools.evidence.memory``. Workers are the processes that ``train --workers``
starts, each told apart by its rank.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from latentscape.config import load_recipe
from latentscape.core.units import count
from tools.anonymous import anonymous
from tools.evidence.measuring import measured_now
from tools.evidence.memory import RECIPE, SETTINGS, images_in, write_file
from tools.evidence.records import Evidence, Number, ResultRow

SIZES = (1, 4)
"""Gigabytes."""

WORKERS = 2
INTERVAL = 0.1
"""Seconds between two looks."""

HEAD = ("images of 64 × 64", "on disk", *(f"worker {rank}" for rank in range(WORKERS)))


def measure_worker_memory() -> Evidence:
    """Make files of all sizes, and train on each with several workers."""
    with TemporaryDirectory(prefix="memory-") as folder:
        rows = tuple(_measured(Path(folder), gigabytes) for gigabytes in SIZES)
    return measured_now(
        "worker-memory",
        "The most anonymous memory (RssAnon) of each worker on mapped data.",
        rows,
        load_recipe(RECIPE),
    )


def table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table: images, gigabytes, and the memory of each worker."""
    rows = []
    for row in evidence.rows:
        peaks = (row.statistic(f"worker_{rank}_megabytes").mean for rank in range(WORKERS))
        images = count(round(row.statistic("images").mean))
        rows.append([images, row.label, *(f"{peak:.0f} MB" for peak in peaks)])
    return rows


def _measured(folder: Path, gigabytes: int) -> ResultRow:
    file, images = folder / f"{gigabytes}.npy", images_in(gigabytes)
    write_file(file, images)
    command = [sys.executable, "-m", "latentscape", "train", RECIPE, "--data", str(file), *SETTINGS]
    command += ["--set", "train.shards=8", "--workers", str(WORKERS), "--runs", str(folder)]
    peaks = _peaks([*command, "--name", f"run-{gigabytes}"], str(folder / "cache"))
    file.unlink()
    print(gigabytes, peaks, flush=True)
    numbers = {f"worker_{rank}_megabytes": peaks[rank] / 1e6 for rank in range(WORKERS)}
    kept = {key: Number.of((value,)) for key, value in {"images": images, **numbers}.items()}
    return ResultRow(label=f"{gigabytes} GB", kind="other", numbers=kept)


def _peaks(command: list[str], cache: str) -> dict[int, int]:
    """Run a command, and return the most memory of each of its workers, by their ranks."""
    environment = {**os.environ, "LATENTSCAPE_CACHE": cache}
    peaks = dict.fromkeys(range(WORKERS), 0)
    with TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        while process.poll() is None:
            for rank, worker in _workers(cache):
                peaks[rank] = max(peaks[rank], anonymous(worker))
            time.sleep(INTERVAL)
        said.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: {said.read()[-2000:]}")
    return peaks


def _workers(cache: str) -> Iterator[tuple[int, int]]:
    """Yield the rank of each worker that uses a cache, and the number of its process."""
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = place.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # It has ended, or is another user's.
            continue
        values = dict(text.split("=", 1) for text in variables if "=" in text)
        if values.get("LATENTSCAPE_CACHE") == cache and values.get("RANK", "").isdecimal():
            yield int(values["RANK"]), int(place.parent.name)
