"""Callbacks: they follow training without changing it."""

import io
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from torch import no_grad

from latentscape.config import TrainConfig
from latentscape.core.files import write_bytes
from latentscape.core.progress import stage
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


class Progress(Callback):
    """Says how far training is; see `latentscape.core.progress`."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def on_start(self, name: str, config: TrainConfig, examples: int, epochs_done: int) -> None:
        """Say what trains."""
        self._epochs, self._examples, self._epochs_done = config.epochs, examples, epochs_done
        self._last = ""
        self._stage = self._open.enter_context(stage(name, config.epochs * examples))
        self._stage.begin_at(epochs_done * examples)
        resumed = f", going on after epoch {epochs_done}" if epochs_done else ""
        plural = "s" if config.epochs > 1 else ""
        self._note(f"{examples:,} examples, {config.epochs} epoch{plural}{resumed}")

    def on_step(self, examples: int) -> None:
        """Say how far the epoch is."""
        self._stage.advance_to(self._epochs_done * self._examples + examples)

    def on_epoch(self, model: Network, epoch: Epoch) -> None:
        """Say the epoch's numbers."""
        self._epochs_done = epoch.epoch
        self._last = f"epoch {epoch.epoch} of {self._epochs}, {describe_epoch(epoch)}"
        self._stage.describe(self._last)
        self._stage.advance_to(epoch.epoch * self._examples)

    def on_event(self, event: Event) -> None:
        """Say what went wrong."""
        self._note(f"epoch {event.epoch}: {describe_event(event)}")

    def on_stop(self) -> None:
        """Keep the last epoch's numbers in sight."""
        self._open.close()
        if self._last:
            self._note(self._last)

    def _note(self, text: str) -> None:
        self._stage.note(f"{self._stage.name}: {text}")


def describe_epoch(epoch: Epoch) -> str:
    """Write an epoch in a few words."""
    parts = [f"loss {epoch.train.loss:.4g}"]
    if len(epoch.train.terms) > 1:  # A single term is the loss.
        parts += [f"{name} {value:.4g}" for name, value in epoch.train.terms.items()]
    if epoch.validation is not None:
        parts.append(f"validation {epoch.validation.loss:.4g}")
        if epoch.validation.mse is not None:
            parts.append(f"MSE {epoch.validation.mse:.4g}")
    return ", ".join([*parts, f"{epoch.images_per_second:,.0f} images/s"])
