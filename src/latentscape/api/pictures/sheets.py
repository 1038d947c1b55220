"""The sheet that a picture command writes: what it shows, and where it is kept."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latentscape.config import CORRUPTIONS, CorruptionConfig, validate
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.files import write_bytes
from latentscape.core.records import Array, Dataset, Split
from latentscape.data.formats.encoded_images import decode_image
from latentscape.inference.batches import stored
from latentscape.inference.samples import Batch, find_label
from latentscape.model import Network
from latentscape.reporting.grids import draw_grid, in_columns
from latentscape.runs import OpenRun, Run

GAP = 2

_GREY = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in grey (ITU-R BT.601), as Pillow has them."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Images that were made from a run, and where they are kept.

    Attributes
    ----------
    images : ndarray of float32
        On the scale 0 to 1; what its axes are, the function that made them says.
    about : str
        What they show, in plain words.
    picture : Path or None
        The PNG; None for plain vectors, which cannot be drawn.
    array : Path or None
        The .npy file of `images`, where it was asked for.
    """

    images: Array
    about: str
    picture: Path | None
    array: Path | None


@dataclass(frozen=True, eq=False)
class Target:
    """A run to make a picture of, and the PNG that it shall become."""

    opened: OpenRun
    file: Path
    keeps_array: bool

    @property
    def model(self) -> Network:
        """The model of the run."""
        return self.opened.model

    @property
    def split(self) -> Split:
        """The examples of the run."""
        return self.opened.split


def open_sheet(
    run: str | Path | Run,
    name: str,
    out: str | Path | None,
    array: bool,
    data: Dataset | None,
    device: str,
) -> Target:
    """Open a run, and refuse what could not be written before anything is computed."""
    opened = OpenRun(run, data=data, device=device)
    file = opened.run.path / f"{name}.png" if out is None else Path(out)
    if file.suffix.lower() != ".png":
        raise ConfigError(f"The picture shall go to {file}", expected="a name that ends in .png")
    model = opened.model
    if not (drawable(model) or array):
        values = math.prod(model.input_shape)
        raise ConfigError(
            f"The examples of {opened.run.name} are vectors of {values} numbers, "
            "which cannot be drawn",
            fix="Have the numbers written instead: --array.",
        )
    return Target(opened, file, array)


def drawable(model: Network) -> bool:
    """Whether the examples of a model are images."""
    return len(model.input_shape) == 3


def write_sheet(
    target: Target, images: Array, about: str, columns: int, *, title: str = "", gap: int = GAP
) -> Sheet:
    """Write the picture and the array.

    Parameters
    ----------
    target : Target
        Where.
    images : ndarray of float32
        (n, *shape) or (rows, n, *shape).
    about : str
        What they show.
    columns : int
        Images side by side at most.
    title : str
        Which examples they are of, to stand before `about`; empty where nobody named them.
    gap : int
        Pixels between images.
    """
    picture = array = None
    if target.keeps_array:
        buffer = io.BytesIO()
        np.save(buffer, images, allow_pickle=False)
        array = target.file.with_suffix(".npy")
        write_bytes(array, buffer.getvalue())
    if drawable(target.model):
        picture = target.file
        rows = images if images.ndim == 5 else images[np.newaxis]
        write_bytes(picture, draw_grid(in_columns(rows, columns), gap))
    return Sheet(images, f"{title}. {about}" if title else about, picture, array)


def examples(
    target: Target,
    places: tuple[int, ...] | None,
    files: Sequence[str | Path],
    label: str | None,
    count: int,
) -> tuple[Batch, str]:
    """Return images with their labels, and what to call them where they were named."""
    if files and places:
        raise ConfigError("Both test examples and files were given", expected="one or the other")
    if files:
        names = ", ".join(Path(file).name for file in files)
        return _read_files(target, files, label), names
    if label is not None:
        raise ConfigError(
            "Test examples have a label of their own", expected="--label with --files alone"
        )
    test = target.split.test
    if places is None:
        return stored(target.split.dataset, target.split.examples(count)), ""
    for place in places:
        if not 0 <= place < len(test):
            raise ConfigError(
                f"There is no test example {place}",
                expected=f"a number from 0 to {len(test) - 1}",
            )
    title = f"Test example{'s' if len(places) > 1 else ''} {' and '.join(map(str, places))}"
    return stored(target.split.dataset, test[list(places)]), title


def _read_files(target: Target, files: Sequence[str | Path], label: str | None) -> Batch:
    """Read images as those of the run are stored."""
    model, labels = target.model, None
    if label is not None:
        labels = torch.full((len(files),), find_label(model, target.split, label))
    elif model.config.condition:
        raise ConfigError(
            "The model is conditioned on labels, and image files carry none",
            fix="Say which label they have: --label NAME.",
        )
    resize = target.opened.recipe.data.resize
    value_range = target.split.dataset.value_range
    pixels = [_read_image(Path(file), model.input_shape, resize, value_range) for file in files]
    return torch.from_numpy(np.stack(pixels).astype(np.float32)), labels


def _read_image(
    file: Path,
    shape: tuple[int, ...],
    resize: tuple[int, int] | None,
    value_range: tuple[float, float],
) -> Array:
    """Read an image file of a given shape (C, H, W) as values of a range.

    Images of 8 bits are moved from 0..255 into the range; deeper ones count as stored.

    Grey ones are made RGB where the run's are, as in a folder of images, and the other way round.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        size = " x ".join(map(str, shape))
        raise ConfigError(
            f"An image file has one channel or three, and the run's examples are {size} numbers"
        )
    image = decode_image(file, str(file), resize)
    if image.shape[1:] != shape[1:]:
        raise DataError(
            f"{file} is {image.shape[1]}x{image.shape[2]} pixels (height x width)",
            expected=f"{shape[1]}x{shape[2]}, as the images that the model was trained on",
            fix="Resize it.",
        )
    if len(image) == 3 and shape[0] == 1:
        image = np.rint(np.tensordot(_GREY, image, axes=1))[np.newaxis].astype(image.dtype)
    if image.dtype == np.uint8:
        low, high = value_range
        image = low + image.astype(np.float32) * ((high - low) / 255)
    return np.broadcast_to(image, shape)


def choose_corruption(model: Network, noise: str | None, amount: float | None) -> CorruptionConfig:
    """Return the noise of these settings, or that the model was trained on."""
    own = model.config.corruption
    if noise is None and own is None:
        raise ConfigError(
            "The model was trained without noise, and has none of its own to be shown",
            expected=f"--noise {', '.join(CORRUPTIONS)}",
            fix="Or train one that removes noise: latentscape train denoising.",
        )
    settings: dict[str, object] = {"kind": noise}
    if own is not None and noise in (None, own.kind):
        settings = own.model_dump()
    if amount is not None:
        settings["amount"] = amount
    corruption = validate(CorruptionConfig, settings, "the noise")
    if corruption.entry.needs_images and not drawable(model):
        raise ConfigError("Vectors have no rows and columns", fix="Choose --noise masking.")
    return corruption
