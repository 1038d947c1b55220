"""TensorBoard: curves, histograms, pictures, the graph and the codes of a run."""

import io
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentscape.core.extras import require
from latentscape.core.randomness import generator
from latentscape.core.records import Array, Split
from latentscape.core.subsets import draw_subset
from latentscape.inference.batches import evaluating, stored, to_device
from latentscape.inference.codec import encode
from latentscape.inference.samples import Batch
from latentscape.model import Network
from latentscape.model.own import OwnModule
from latentscape.reporting.grids import draw_grid, in_columns
from latentscape.runs import Run, RunFindings
from latentscape.runs.facts import Epoch
from latentscape.tracking.tracker import Tracker, final_metrics, settings_of

WATCHED = 256
"""Examples of each part, always the same ones, whose way through the layers is shown."""

PICTURED = 16
"""Examples of those that are pictured."""

CODES = 2000
"""Test examples at most whose codes are shown in the projector."""

THUMBNAIL = 64
"""Height and width at most of a picture there; TensorBoard takes 8192 pixels for all of them."""

_LAST = "test/projector_config.pbtxt"
"""What is written last."""

_BINS = 64
_GAP = 2
_PASSED_ON = (nn.Flatten, nn.Unflatten, nn.Dropout)
"""Layers that, in evaluation, put out the numbers that they take."""


class TensorBoardTracker(Tracker):
    """Writes event files into ``tensorboard/`` of the run: ``train``, ``validation`` and ``test``.

    To TensorBoard each part is a run of its own, so that it draws training and validation into one
    chart. A step is an epoch. Of training and of validation it shows every term of the loss, the
    activations of every layer over 256 examples, 16 images and their reconstructions; besides the
    weights, the graph, samples where there is a prior and, in the end, the test codes with their
    pictures, and settings beside test metrics.

    Parameters
    ----------
    run, split
        As for `Tracker`.
    """

    title = "TensorBoard"

    def __init__(self, run: Run, split: Split) -> None:
        super().__init__(run, split)
        self._folder = run.path / "tensorboard"
        self._writers: dict[str, Any] = {}
        self._watched: dict[str, Batch] = {}
        self._introduced = False

    @classmethod
    def check(cls) -> None:
        """Find out whether TensorBoard is installed; see `Tracker.check`."""
        require("tensorboard", "tensorboard", "Tracking with TensorBoard")

    def begin(self, epochs_done: int) -> None:
        """Open the event files; what a killed run wrote of later epochs is hidden."""
        self.complete = self.run.finished and (self._folder / _LAST).exists()
        if self.complete:
            return
        anew = not (epochs_done and self._folder.exists())
        for part in ("train", "validation"):
            index = getattr(self.split, part)
            if len(index):
                self._writers[part] = self._open(part, 0 if anew else epochs_done + 1)
                self._watched[part] = stored(self.split.dataset, self.split.subset(part, WATCHED))
        self._introduced = not anew
        if anew:
            for epoch in self.run.history.epochs[:epochs_done]:
                self._add_scalars(epoch)

    def track_epoch(self, model: Network, epoch: Epoch) -> None:
        """Write scalars, histograms and pictures."""
        self._introduce(model)
        self._add_scalars(epoch)
        self._add_model(model, epoch.epoch)
        for writer in self._writers.values():
            writer.flush()  # Whoever looks sees it now, and a kill loses nothing.

    def track_findings(self, model: Network, findings: RunFindings) -> None:
        """Write the codes, and the settings beside the test metrics."""
        if not self._introduced:
            self._introduce(model)
            self._add_model(model, len(self.run.history.epochs))
        shutil.rmtree(self._folder / "test", ignore_errors=True)
        writer = self._open("test", 0)
        self._add_settings(writer, final_metrics(findings))
        self._add_codes(writer, model)
        writer.close()

    def close(self, error: BaseException | None) -> None:
        """Close the event files."""
        for writer in self._writers.values():
            writer.close()

    def _open(self, part: str, first_step: int) -> Any:
        module = require("torch.utils.tensorboard", "tensorboard", "Tracking with TensorBoard")
        _wait_for_a_later_name(self._folder / part)
        return module.SummaryWriter(str(self._folder / part), purge_step=first_step)

    def _introduce(self, model: Network) -> None:
        """Write once what stays as it is: the recipe, the input images and the graph."""
        if self._introduced:
            return
        self._introduced = True
        text = (self.run.path / "recipe.yaml").read_text(encoding="utf-8")
        self._writers["train"].add_text("recipe", f"```yaml\n{text}```", 0)
        for part, (images, _) in self._watched.items():
            self._add_pictures(part, "input", model.scale(images), 0)
        _add_graph(self._writers["train"], model, self._watched["train"])

    def _add_scalars(self, epoch: Epoch) -> None:
        step, train, numbers = epoch.epoch, self._writers["train"], epoch.numbers()
        for part, writer in self._writers.items():
            for term, value in numbers[part].items():
                writer.add_scalar(f"loss/{'total' if term == 'loss' else term}", value, step)
        train.add_scalar("training/lr", epoch.lr, step)
        train.add_scalar("training/images_per_second", epoch.images_per_second, step)
        for name, value in numbers.get("latent", {}).items():
            self._writers.get("validation", train).add_scalar(f"latent/{name}", value, step)

    def _add_model(self, model: Network, epoch: int) -> None:
        """Write what the model is, and what it makes of the examples that are watched."""
        layers = _layer_names(model)
        for name, parameter in model.named_parameters():
            owner, _, kind = name.rpartition(".")
            place = layers.get(model.get_submodule(owner), owner)
            _add_histogram(self._writers["train"], f"weights/{place}/{kind}", parameter, epoch)
        for part, batch in self._watched.items():
            restored = self._add_activations(part, model, batch, layers, epoch)
            self._add_pictures(part, "reconstruction", restored, epoch)
        with evaluating():
            if model.prior() is not None:
                source = generator(self.run.recipe.train.seed, "tracking")
                self._add_pictures("train", "sample", model.sample(PICTURED, None, source), epoch)

    def _add_activations(
        self, part: str, model: Network, batch: Batch, layers: dict[nn.Module, str], epoch: int
    ) -> Tensor:
        """Write what every layer puts out while a batch is reconstructed; return that."""

        def add(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            _add_histogram(self._writers[part], f"unit_activations/{layers[layer]}", output, epoch)

        hooks = [layer.register_forward_hook(add) for layer in layers]
        try:
            with evaluating():
                return model.reconstruct(*to_device(model, batch))
        finally:
            for hook in hooks:
                hook.remove()

    def _add_pictures(self, part: str, name: str, images: Tensor, epoch: int) -> None:
        """Write a sheet of images (n, C, H, W), where they are images."""
        if images.dim() != 4:
            return
        pictured = draw_subset(np.arange(len(images)), None, PICTURED)
        picture = _sheet(images[pictured].cpu().numpy())
        self._writers[part].add_image(f"images/{name}", picture, epoch, dataformats="HWC")

    def _add_settings(self, writer: Any, metrics: dict[str, float]) -> None:
        """Write settings beside metrics, as TensorBoard's tab for hyperparameters takes them."""
        summary = require("torch.utils.tensorboard.summary", "tensorboard", "Tracking")
        named = {f"test/{name}": value for name, value in metrics.items()}
        for part in summary.hparams(settings_of(self.run.recipe), named):
            writer.file_writer.add_summary(part)
        for name, value in named.items():
            writer.add_scalar(name, value, len(self.run.history.epochs))

    def _add_codes(self, writer: Any, model: Network) -> None:
        """Write test codes for the projector, with labels and pictures where there are any."""
        dataset, test = self.split.dataset, self.split.subset("test", CODES)
        images, labels = stored(dataset, test)
        names = [" ".join(name.split()) for name in dataset.label_names]
        writer.add_embedding(
            torch.from_numpy(encode(model, dataset, test)),
            None if labels is None else [names[label] for label in labels.tolist()],
            _thumbnails(model.scale(images)) if images.dim() == 4 else None,
            global_step=len(self.run.history.epochs),
            tag="test-codes",
        )


class Part(nn.Module):
    """A part of a network as the graph shows it: a box with its name.

    Parameters
    ----------
    layers : nn.Module
        The part.
    call : callable
        What the network does with it.
    """

    def __init__(self, layers: nn.Module, call: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layers, self._call = layers, call

    def forward(self, *values: Tensor) -> Tensor:
        """Return what the part makes of the values."""
        return self._call(*values)


class Autoencoder(nn.Module):
    """The way of images through a network without any sampling, for the graph, part by part.

    Parameters
    ----------
    model : Network
        The network.
    """

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.encoder = Part(model.encoder, model.features)
        self.latent = Part(model.latent, model.latent.mean)
        self.decoder = Part(model.decoder, model.outputs)
        self.likelihood = Part(model.likelihood, model.likelihood.mean)

    def forward(self, images: Tensor, *labels: Tensor) -> Tensor:
        """Return the reconstructions (B, *shape) of stored images."""
        codes = self.latent(self.encoder(images, *labels))
        restored: Tensor = self.likelihood(self.decoder(codes, *labels))
        return restored


def _add_graph(writer: Any, model: Network, batch: Batch) -> None:
    images, labels = to_device(model, batch)
    inputs = [images[:1], *([labels[:1]] if model.config.condition and labels is not None else [])]
    with warnings.catch_warnings():
        # The tracer warns of itself, and of shapes that it takes to be fixed, as they are.
        warnings.simplefilter("ignore")
        writer.add_graph(Autoencoder(model).eval(), inputs)


def _layer_names(model: Network) -> dict[nn.Module, str]:
    """Name the layers that compute something, in the order in which data pass them."""
    parts = {"encoder": model.encoder, "latent": model.latent.layers, "decoder": model.decoder}
    layers = [
        (part, layer)
        for part, sequence in parts.items()
        for layer in sequence
        if not isinstance(layer, _PASSED_ON)
    ]
    return {
        layer: f"{number:02d}_{part}_{type(_own(layer)).__name__}"
        for number, (part, layer) in enumerate(layers, start=1)
    }


def _own(layer: nn.Module) -> nn.Module:
    """Return a network of the user's own from within the layer that holds it."""
    return layer.module if isinstance(layer, OwnModule) else layer


def _add_histogram(writer: Any, tag: str, values: Tensor, step: int) -> None:
    """Count values in bins of equal width, on the device where they are."""
    values = values.detach().float().flatten()
    values = values[values.isfinite()]
    if len(values) < 2:
        return
    low, high = (float(end) for end in torch.aminmax(values))
    high = max(high, low + 1e-6 * max(1.0, abs(low)))  # A dead layer puts out zeros alone.
    writer.add_histogram_raw(
        tag,
        min=low,
        max=high,
        num=len(values),
        sum=float(values.sum()),
        sum_squares=float(values.square().sum()),
        bucket_limits=np.linspace(low, high, _BINS + 1)[1:].tolist(),
        bucket_counts=torch.histc(values, _BINS, low, high).tolist(),
        global_step=step,
    )


def _sheet(images: Array) -> Array:
    """Lay images (n, C, H, W) in [0, 1] out in a square; return its pixels (H, W, C)."""
    from PIL import Image

    columns = int(np.ceil(np.sqrt(len(images))))
    png = draw_grid(in_columns(images[np.newaxis], columns), _GAP)
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def _thumbnails(images: Tensor) -> Tensor:
    """Return small copies (n, 1 or 3, h, w) of images (n, C, H, W)."""
    if images.shape[1] not in (1, 3):
        images = images.mean(1, keepdim=True)
    height, width = (min(side, THUMBNAIL) for side in images.shape[2:])
    return F.interpolate(images.clamp(0, 1), (height, width), mode="area")


def _wait_for_a_later_name(folder: Path) -> None:
    """Let the second pass in which the last file of a folder was begun.

    TensorBoard reads files in the order of their names, which begin with the second. Two files of
    one second may be read in the wrong order, and then steps are lost.
    """
    names = (file.name.split(".") for file in folder.glob("events.out.tfevents.*"))
    last = max((int(parts[3]) for parts in names), default=0)
    time.sleep(min(max(last + 1 - time.time(), 0), 1))
