"""Whole commands, as a person waits for them, and the throughput of embedding."""

import shlex
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

import latentscape
from benchmarks.processes import Measured, measure
from benchmarks.works import load_mnist

HELP = "latentscape --help"
SMALL = "latentscape train simple-20 --data mnist-5k --epochs 2"
SMALL_CONVOLUTIONAL = "latentscape train conv-bn --data mnist-5k --epochs 2"
FULL = "latentscape train simple-20 --data mnist --epochs 2"
STUDY = "latentscape compare quickstart"

EMBEDDED = ("simple-20", "conv-bn")
"""Recipes whose trained models embed images."""


def run_commands(repetitions: int) -> dict[str, Any]:
    """Run every command so many times, the study once, and embed so many times.

    Returns
    -------
    dict
        ``commands`` and ``embedding``: a row each, with medians.
    """
    images = np.asarray(load_mnist().images)[
        :60_000
    ]  # This says where the commands find the data, too.
    times = {HELP: repetitions, SMALL: repetitions, SMALL_CONVOLUTIONAL: repetitions}
    times |= {FULL: repetitions, STUDY: 1}
    return {
        "commands": [_timed(command, count) for command, count in times.items()],
        "embedding": [_embedded(recipe, images, repetitions) for recipe in EMBEDDED],
    }


def _timed(command: str, count: int) -> dict[str, Any]:
    turns = [_turn(command) for _ in range(count)]
    first = [turn["first_epoch_seconds"] for turn in turns]
    row = {
        "command": command,
        "turns": turns,
        "n": count,
        "seconds": median(turn["seconds"] for turn in turns),
        "first_epoch_seconds": None if None in first else median(first),
        "peak_bytes": median(turn["peak_bytes"] for turn in turns),
    }
    print(f"{command}: {row['seconds']:.2f} s, {row['peak_bytes'] / 1e6:.0f} MB", flush=True)
    return row


def _turn(command: str) -> dict[str, Any]:
    """Run a command of this project in an empty folder."""
    with TemporaryDirectory() as folder:
        measured = measure(own_command(command), Path(folder))
    return {
        "seconds": measured.seconds,
        "first_epoch_seconds": _first_epoch(measured) if " train " in command else None,
        "peak_bytes": measured.peak_bytes,
    }


def own_command(command: str) -> list[str | Path]:
    """Return a command of this project as the system takes it."""
    name, *arguments = shlex.split(command)
    return [Path(sys.executable).with_name(name), *arguments]


def _first_epoch(measured: Measured) -> float | None:
    """Return the seconds to the first line about an epoch; of quick ones not each has a line."""
    return next((seconds for seconds, line in measured.errors if ": epoch " in line), None)


def _embedded(recipe: str, images: NDArray[np.uint8], count: int) -> dict[str, Any]:
    """Embed images with a model of one epoch, from one .npy file into another."""
    with TemporaryDirectory() as name:
        file, folder = Path(name) / "images.npy", Path(name)
        np.save(file, images)
        changes = {"train.epochs": 1}
        run = latentscape.train(
            recipe,
            data="mnist-5k",
            changes=changes,
            as_published=True,
            folder=folder,
            device="cpu",
            quiet=True,
        )
        turns = [
            latentscape.embed(run, file, folder / "codes.npy", device="cpu").seconds
            for _ in range(count)
        ]
    seconds = median(turns)
    print(f"embedding by {recipe}: {len(images) / seconds:,.0f} images/s", flush=True)
    return {
        "recipe": recipe,
        "images": len(images),
        "turns": turns,
        "n": count,
        "seconds": seconds,
        "images_per_second": len(images) / seconds,
    }
