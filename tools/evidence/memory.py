"""The memory that commands take for themselves while the data grow to many gigabytes.

The file is made here, in a folder that is removed: digits of MNIST, enlarged to 64 x 64, again and
again. Each command is a process of its own.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import latentscape
from latentscape.config import load_recipe
from latentscape.core.units import count
from tools.anonymous import run
from tools.evidence.measuring import measured_now
from tools.evidence.records import Evidence, Number, ResultRow

RECIPE = "simple-20"
SIZES = (1, 8)
"""Gigabytes."""

SIDE, DIGITS = 64, 20_000
VALUES = SIDE * SIDE

SETTINGS = (
    *("--epochs", "1", "--batch-size", "1024", "--latent-dim", "8", "--test", "5000"),
    *("--set", "model.encoder.widths=[64]", "--set", "train.snapshots=[]"),
    *("--set", "data.store=mapped"),
)
"""A small network for a single epoch: what takes memory is the data."""

COMMANDS = ("train", "cluster", "embed", "report")
HEAD = ("images of 64 × 64", "on disk", *(f"`{command}`" for command in COMMANDS))


def measure_memory() -> Evidence:
    """Make files of all sizes, and go through all commands with each."""
    with TemporaryDirectory(prefix="memory-") as folder:
        rows = tuple(_measured(Path(folder), gigabytes) for gigabytes in SIZES)
    return measured_now(
        "memory",
        "The most anonymous memory (RssAnon) of commands on mapped data.",
        rows,
        load_recipe(RECIPE),
    )


def images_in(gigabytes: int) -> int:
    """Return how many images take so much."""
    return int(gigabytes * 1e9) // VALUES


def write_file(path: Path, images: int) -> None:
    """Write so many images (N, 64, 64) to a .npy file, a part at a time."""
    digits = latentscape.load_data("mnist").images[:DIGITS][:, 0]
    large = np.zeros((len(digits), SIDE, SIDE), np.uint8)
    large[:, 4:60, 4:60] = digits.repeat(2, 1).repeat(2, 2)
    header = {"descr": "|u1", "fortran_order": False, "shape": (images, SIDE, SIDE)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, images, len(large)):
            file.write(large[: images - start].tobytes())


def table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table: images, gigabytes, and the memory of each command."""
    rows = []
    for row in evidence.rows:
        peaks = (row.statistic(f"{command}_megabytes").mean for command in COMMANDS)
        images = count(round(row.statistic("images").mean))
        rows.append([images, row.label, *(f"{peak:.0f} MB" for peak in peaks)])
    return rows


def _measured(folder: Path, gigabytes: int) -> ResultRow:
    file, images = folder / "x.npy", images_in(gigabytes)
    write_file(file, images)
    numbers = {"images": float(images), **dict(_numbers(folder, file, f"run-{gigabytes}"))}
    kept = {key: Number.of((value,)) for key, value in numbers.items()}
    return ResultRow(label=f"{gigabytes} GB", kind="other", numbers=kept)


def _numbers(folder: Path, file: Path, name: str) -> Iterator[tuple[str, float]]:
    """Yield the megabytes and the seconds of each command."""
    arguments: dict[str, list[str | Path]] = {
        "train": [RECIPE, "--data", file, *SETTINGS, "--runs", folder, "--name", name],
        "cluster": [folder / name, "--method", "kmeans", "-k", "10"],
        "embed": [folder / name, "--data", file, "--out", folder / "codes.npy"],
        "report": [folder / name],
    }
    environment = {**os.environ, "LATENTSCAPE_CACHE": str(folder / "cache")}
    for command in COMMANDS:
        whole = [sys.executable, "-m", "latentscape", command, *arguments[command]]
        taken = run(whole, environment)
        print(name, command, taken.peak, taken.seconds, flush=True)
        yield f"{command}_megabytes", taken.peak / 1e6
        yield f"{command}_seconds", taken.seconds
