"""Callbacks: they follow training without changing it."""

import io
import sys
import time
from pathlib import Path
from typing import TextIO

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from torch import no_grad

from latentscape.config import TrainConfig
from latentscape.core.files import write_bytes
from latentscape.core.randomness import generator
from latentscape.core.records import Array, Split
from latentscape.model import Network
from latentscape.runs.facts import Epoch, Event
from latentscape.runs.wording import describe_event
from latentscape.training.loader import Examples, in_order

SNAPSHOT_SAMPLES = 64

SNAPSHOT_CODES = 2000
SNAPSHOT_NUMBERS = 1 << 20
"""Most codes of a snapshot, and most numbers in all of them: 4 MiB."""


class Callback:
    """Hooks into training; here each of them does nothing."""

    def on_start(self, name: str, config: TrainConfig, examples: int, epochs_done: int) -> None:
        """Follow the start of training, or its resumption; `examples` are those of an epoch."""

    def on_step(self, examples: int) -> None:
        """Follow a step; `examples` of this epoch have been trained on."""

    def on_epoch(self, model: Network, epoch: Epoch) -> None:
        """Follow an epoch; `epoch` is what was measured. The model is evaluating."""

    def on_event(self, event: Event) -> None:
        """Hear of something that went wrong; training goes on."""

    def on_stop(self) -> None:
        """Clean up, whether training ended well or not."""


class Snapshots(Callback):
    """Save what the model makes of fixed images, and of fixed codes, after some epochs.

    Parameters
    ----------
    folder : Path
        Receives ``epoch-NNNN.npy`` (reconstructions), ``codes-NNNN.npy`` (codes of more images),
        ``examples.npy`` (which these are) and, from a model that has a prior,
        ``samples-NNNN.npy`` (of codes drawn from it).
    examples : Examples
        Every example of the data.
    split : Split
        Says which images are fixed.
    config : TrainConfig
        ``snapshots``, the epochs; ``seed``, which draws the codes.
    """

    def __init__(self, folder: Path, examples: Examples, split: Split, config: TrainConfig) -> None:
        self._folder, self._examples, self._config = folder, examples, config
        self._split = split

    def on_epoch(self, model: Network, epoch: Epoch) -> None:
        """Write snapshots if this is one of the epochs."""
        if epoch.epoch not in self._config.snapshots:
            return
        with no_grad():
            shown = next(in_order(self._examples, self._split.examples()))
            reconstructions = model.reconstruct(shown.images, shown.labels)
            self._write(f"epoch-{epoch.epoch:04d}", reconstructions.cpu().numpy())
            self._write_codes(model, epoch.epoch)
            if model.prior() is not None:
                source = generator(self._config.seed, "snapshots")
                samples = model.sample(SNAPSHOT_SAMPLES, generator=source)
                self._write(f"samples-{epoch.epoch:04d}", samples.cpu().numpy())

    def _write_codes(self, model: Network, epoch: int) -> None:
        count = max(1, min(SNAPSHOT_CODES, SNAPSHOT_NUMBERS // model.latent_dim))
        index = self._split.subset("test", count)
        batches = in_order(self._examples, index)
        codes = [model.encode(batch.images, batch.labels).cpu().numpy() for batch in batches]
        self._write("examples", index)
        self._write(f"codes-{epoch:04d}", np.concatenate(codes))

    def _write(self, name: str, array: Array) -> None:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_bytes(self._folder / f"{name}.npy", buffer.getvalue())


class PlainProgress(Callback):
    """A line per epoch, for logs and pipes.

    Parameters
    ----------
    stream : file
        Where to write; standard error by default, so that results can be piped.
    named : bool
        Whether each line names its run, for runs that train side by side.
    """

    def __init__(self, stream: TextIO | None = None, named: bool = False) -> None:
        self._stream, self._named, self._name = stream or sys.stderr, named, ""

    def on_start(self, name: str, config: TrainConfig, examples: int, epochs_done: int) -> None:
        """Print what trains."""
        self._epochs = config.epochs
        self._name = f"{name}: " if self._named else ""
        resumed = f", going on after epoch {epochs_done}" if epochs_done else ""
        plural = "s" if config.epochs > 1 else ""
        self._print(f"{name}: {examples:,} examples, {config.epochs} epoch{plural}{resumed}")

    def on_epoch(self, model: Network, epoch: Epoch) -> None:
        """Print the epoch."""
        seconds_left = (self._epochs - epoch.epoch) * epoch.seconds
        position = f"{self._name}epoch {epoch.epoch:>3}/{self._epochs}"
        self._print(f"{position}  {describe_epoch(epoch)}  {seconds_left:.0f} s left")

    def on_event(self, event: Event) -> None:
        """Print the event."""
        self._print(f"{self._name}epoch {event.epoch}: {describe_event(event)}")

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
        self._examples, self._epochs_done, self._refreshed = examples, epochs_done, 0.0
        total, completed = config.epochs * examples, epochs_done * examples
        self._task = self._bar.add_task(name, total=total, completed=completed, status="")
        self._bar.start()

    def on_step(self, examples: int) -> None:
        """Move the bar, a few times a second."""
        if time.monotonic() - self._refreshed > self._REFRESH_SECONDS:
            self._refreshed = time.monotonic()
            self._bar.update(self._task, completed=self._epochs_done * self._examples + examples)

    def on_epoch(self, model: Network, epoch: Epoch) -> None:
        """Show the epoch's numbers."""
        self._epochs_done = epoch.epoch
        completed = self._epochs_done * self._examples
        status = f"epoch {epoch.epoch}  {describe_epoch(epoch)}"
        self._bar.update(self._task, completed=completed, status=status)

    def on_event(self, event: Event) -> None:
        """Print the event above the bar."""
        self._bar.console.print(f"epoch {event.epoch}: {describe_event(event)}", style="yellow")

    def on_stop(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()


def choose_progress(quiet: bool, together: bool = False) -> list[Callback]:
    """Return the progress display that fits standard error: a bar, plain lines, or none.

    Runs that train together share plain lines.
    """
    if quiet:
        return []
    if together:
        return [PlainProgress(named=True)]
    console = Console(stderr=True)
    return [LiveProgress(console)] if console.is_terminal else [PlainProgress()]


def describe_epoch(epoch: Epoch) -> str:
    """Write an epoch in a few words."""
    parts = [f"loss {epoch.train.loss:.4g}"]
    if len(epoch.train.terms) > 1:  # A single term is the loss.
        parts += [f"{name} {value:.4g}" for name, value in epoch.train.terms.items()]
    if epoch.validation is not None:
        parts.append(f"validation {epoch.validation.loss:.4g}")
        if epoch.validation.mse is not None:
            parts.append(f"MSE {epoch.validation.mse:.4g}")
    return "  ".join([*parts, f"{epoch.images_per_second:,.0f} images/s"])
