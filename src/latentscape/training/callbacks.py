"""Callbacks: what watches training without changing it."""

import io
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from torch import Tensor, no_grad

from latentscape.config import TrainConfig
from latentscape.core.files import write_bytes
from latentscape.core.randomness import generator
from latentscape.model import Network
from latentscape.training.batches import Batch

SNAPSHOT_SAMPLES = 64


class Callback:
    """Hooks into training, all of which do nothing here."""

    def on_start(self, name: str, config: TrainConfig, examples: int, epochs_done: int) -> None:
        """Take note that training starts or goes on; `examples` are trained on per epoch."""

    def on_step(self, examples: int) -> None:
        """Take note of a step; `examples` of this epoch have been trained on."""

    def on_epoch(self, model: Network, record: dict[str, Any]) -> None:
        """Take note of an epoch; `record` is its line of the history. The model is evaluating."""

    def on_event(self, event: dict[str, Any]) -> None:
        """Take note of something that went wrong and was mended."""

    def on_stop(self) -> None:
        """Clean up, whether training ended well or not."""


class Snapshots(Callback):
    """Save what the model makes of a few fixed images, and of fixed codes, after chosen epochs.

    Parameters
    ----------
    folder : Path
        Gets the files ``epoch-NNNN.npy`` (reconstructions) and ``samples-NNNN.npy`` (of codes drawn
        from the prior, where there is one).
    shown : Batch
        Images and their labels.
    config : TrainConfig
        ``snapshots``, the epochs; ``seed``, which draws the codes.
    """

    def __init__(self, folder: Path, shown: Batch, config: TrainConfig) -> None:
        self._folder, self._shown, self._config = folder, shown, config

    def on_epoch(self, model: Network, record: dict[str, Any]) -> None:
        """Write snapshots if this is one of the epochs."""
        epoch = record["epoch"]
        if epoch not in self._config.snapshots:
            return
        with no_grad():
            reconstructions = model.reconstruct(self._shown.images, self._shown.labels)
            self._write(f"epoch-{epoch:04d}.npy", reconstructions)
            if model.prior() is not None:
                source = generator(self._config.seed, "snapshots")
                samples = model.sample(SNAPSHOT_SAMPLES, generator=source)
                self._write(f"samples-{epoch:04d}.npy", samples)

    def _write(self, name: str, images: Tensor) -> None:
        buffer = io.BytesIO()
        np.save(buffer, images.cpu().numpy(), allow_pickle=False)
        write_bytes(self._folder / name, buffer.getvalue())


class PlainProgress(Callback):
    """A line per epoch, for logs and pipes.

    Parameters
    ----------
    stream : file
        Where to write; standard error by default, so that results can be piped.
    named : bool
        Whether each line names its run, for runs that are trained side by side.
    """

    def __init__(self, stream: TextIO | None = None, named: bool = False) -> None:
        self._stream, self._named, self._name = stream or sys.stderr, named, ""

    def on_start(self, name: str, config: TrainConfig, examples: int, epochs_done: int) -> None:
        """Say what is trained."""
        self._epochs = config.epochs
        self._name = f"{name}: " if self._named else ""
        again = f", going on after epoch {epochs_done}" if epochs_done else ""
        plural = "s" if config.epochs > 1 else ""
        self._print(f"{name}: {examples:,} examples, {config.epochs} epoch{plural}{again}")

    def on_epoch(self, model: Network, record: dict[str, Any]) -> None:
        """Print the epoch."""
        epoch = record["epoch"]
        left = (self._epochs - epoch) * record["seconds"]
        done = f"{self._name}epoch {epoch:>3}/{self._epochs}"
        self._print(f"{done}  {describe_epoch(record)}  {left:.0f} s left")

    def on_event(self, event: dict[str, Any]) -> None:
        """Print the event."""
        self._print(f"{self._name}epoch {event['epoch']}: {event['what']}")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class LiveProgress(Callback):
    """A progress bar that fills while an epoch runs, with losses, speed and time left.

    Parameters
    ----------
    console : Console
        A Rich console on a terminal.
    """

    _REFRESH_SECONDS = 0.1

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=16),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
            console=console,
        )

    def on_start(self, name: str, config: TrainConfig, examples: int, epochs_done: int) -> None:
        """Show the bar."""
        self._examples, self._epochs_done, self._shown = examples, epochs_done, 0.0
        total, done = config.epochs * examples, epochs_done * examples
        self._task = self._bar.add_task(name, total=total, completed=done, status="")
        self._bar.start()

    def on_step(self, examples: int) -> None:
        """Move the bar, a few times a second."""
        if time.monotonic() - self._shown > self._REFRESH_SECONDS:
            self._shown = time.monotonic()
            self._bar.update(self._task, completed=self._epochs_done * self._examples + examples)

    def on_epoch(self, model: Network, record: dict[str, Any]) -> None:
        """Show the epoch's numbers."""
        self._epochs_done = record["epoch"]
        done = self._epochs_done * self._examples
        status = f"epoch {record['epoch']}  {describe_epoch(record)}"
        self._bar.update(self._task, completed=done, status=status)

    def on_event(self, event: dict[str, Any]) -> None:
        """Print the event above the bar."""
        self._bar.console.print(f"epoch {event['epoch']}: {event['what']}", style="yellow")

    def on_stop(self) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


def choose_progress(quiet: bool, together: bool = False) -> list[Callback]:
    """Return the progress display that fits standard error: a bar, plain lines, or none.

    Runs that are trained together share it line by line.
    """
    if quiet:
        return []
    if together:
        return [PlainProgress(named=True)]
    console = Console(stderr=True)
    return [LiveProgress(console)] if console.is_terminal else [PlainProgress()]


def describe_epoch(record: dict[str, Any]) -> str:
    """Write a history record in a few words."""
    parts = [f"loss {record['train']['loss']:.4g}"]
    parts += [f"{name} {value:.4g}" for name, value in record["train"].items() if name != "loss"]
    if len(parts) == 2:  # A single term is the loss.
        parts.pop()
    if record["validation"]:
        parts.append(f"validation {record['validation']['loss']:.4g}")
        parts.append(f"MSE {record['validation']['mse']:.4g}")
    return "  ".join([*parts, f"{record['images_per_second']:,.0f} images/s"])
