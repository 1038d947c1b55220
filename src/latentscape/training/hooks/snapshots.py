"""Snapshots: what a model makes of fixed images, and of fixed codes, after some epochs."""

import io
from pathlib import Path

import numpy as np
from torch import no_grad

from latentscape.core.files import write_bytes
from latentscape.core.randomness import generator
from latentscape.core.records import Array, Split
from latentscape.training.hook import Hook, Training
from latentscape.training.loader import in_order

SNAPSHOT_SAMPLES = 64

SNAPSHOT_CODES = 2000
SNAPSHOT_NUMBERS = 1 << 20
"""Most codes of a snapshot, and most numbers in all of them: 4 MiB."""


class Snapshots(Hook):
    """Saves what the model makes of fixed images, and of fixed codes, after ``train.snapshots``.

    Parameters
    ----------
    folder : Path
        Receives ``epoch-NNNN.npy`` (reconstructions), ``codes-NNNN.npy`` (codes of more images),
        ``examples.npy`` (which these are) and, from a model that has a prior,
        ``samples-NNNN.npy`` (of codes drawn from it).
    split : Split
        Says which images are fixed.
    """

    essential = True

    def __init__(self, folder: Path, split: Split) -> None:
        self._folder, self._split = folder, split

    def on_epoch(self, training: Training) -> None:
        """Write snapshots if this is one of the epochs."""
        model, epoch, config = training.model, training.state.epoch, training.config
        if epoch not in config.snapshots:
            return
        with no_grad():
            batch = next(in_order(training.loader.data, self._split.examples()))
            reconstructions = model.reconstruct(batch.images, batch.labels)
            self._write(f"epoch-{epoch:04d}", reconstructions.cpu().numpy())
            self._write_codes(training)
            if model.prior() is not None:
                source = generator(config.seed, "snapshots")
                samples = model.sample(SNAPSHOT_SAMPLES, generator=source)
                self._write(f"samples-{epoch:04d}", samples.cpu().numpy())

    def _write_codes(self, training: Training) -> None:
        model = training.model
        count = max(1, min(SNAPSHOT_CODES, SNAPSHOT_NUMBERS // model.latent_dim))
        index = self._split.subset("test", count)
        batches = in_order(training.loader.data, index)
        codes = [model.encode(batch.images, batch.labels).cpu().numpy() for batch in batches]
        self._write("examples", index)
        self._write(f"codes-{training.state.epoch:04d}", np.concatenate(codes))

    def _write(self, name: str, array: Array) -> None:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_bytes(self._folder / f"{name}.npy", buffer.getvalue())
