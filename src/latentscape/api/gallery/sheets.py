"""The sheet that a picture command writes: what it shows, and where it is kept."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latentscape.api.experiment import run_split
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.files import write_bytes
from latentscape.core.records import Array, Dataset, Split
from latentscape.core.runtime import choose_device
from latentscape.data.formats.encoded_images import decode_image
from latentscape.inference.batches import stored
from latentscape.inference.samples import Batch, Pictures, find_label
from latentscape.model import Network
from latentscape.reporting.grids import draw_grid, in_columns
from latentscape.runs import Run, load_model, open_run

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
class Opened:
    """A run, opened to make a picture from, and the PNG that it shall become."""

    run: Run
    model: Network
    split: Split
    file: Path
    keeps_array: bool


def open_sheet(
    run: str | Path | Run,
    name: str,
    out: str | Path | None,
    array: bool,
    data: Dataset | None,
    device: str,
) -> Opened:
    """Open a run, and refuse what could not be written before anything is computed."""
    run = run if isinstance(run, Run) else open_run(run)
    file = run.path / f"{name}.png" if out is None else Path(out)
    if file.suffix.lower() != ".png":
        raise ConfigError(f"The picture shall go to {file}", expected="a name that ends in .png")
    model = load_model(run.path).to(choose_device(device))
    if not (drawable(model) or array):
        raise ConfigError(
            f"The examples of {run.name} are vectors of {math.prod(model.input_shape)} numbers, "
            "which cannot be drawn",
            fix="Have the numbers written instead: --array.",
        )
    return Opened(run, model, run_split(run, data), file, array)


def drawable(model: Network) -> bool:
    """Whether the examples of a model are images."""
    return len(model.input_shape) == 3


def keep(opened: Opened, found: Pictures, columns: int, gap: int = GAP) -> Sheet:
    """Write the picture and the array."""
    picture = array = None
    if opened.keeps_array:
        buffer = io.BytesIO()
        np.save(buffer, found.images, allow_pickle=False)
        array = opened.file.with_suffix(".npy")
        write_bytes(array, buffer.getvalue())
    if drawable(opened.model):
        picture = opened.file
        rows = found.images if found.images.ndim == 5 else found.images[np.newaxis]
        write_bytes(picture, draw_grid(in_columns(rows, columns), gap))
    return Sheet(found.images, found.about, picture, array)


def introduced(what: str, found: Pictures) -> Pictures:
    """Let what pictures show begin with the name of what was asked for."""
    about = f"{what}. {found.about}" if what else found.about
    return Pictures(found.images, {**found.facts, "about": about})


def examples(
    opened: Opened,
    places: tuple[int, ...] | None,
    files: Sequence[str | Path],
    label: str | None,
    count: int,
) -> tuple[Batch, str]:
    """Return the images that were asked for with their labels, and what to call them if named."""
    if files and places:
        raise ConfigError("Both test examples and files were given", expected="one or the other")
    if files:
        names = ", ".join(Path(file).name for file in files)
        return _read_files(opened, files, label), names
    if label is not None:
        raise ConfigError(
            "Test examples have a label of their own", expected="--label with --files alone"
        )
    test = opened.split.test
    if places is None:
        return stored(opened.split.dataset, opened.split.examples(count)), ""
    for place in places:
        if not 0 <= place < len(test):
            raise ConfigError(
                f"There is no test example {place}",
                expected=f"a number from 0 to {len(test) - 1}",
            )
    what = f"Test example{'s' if len(places) > 1 else ''} {' and '.join(map(str, places))}"
    return stored(opened.split.dataset, test[list(places)]), what


def _read_files(opened: Opened, files: Sequence[str | Path], label: str | None) -> Batch:
    """Read images as those of the run are stored."""
    model, labels = opened.model, None
    if label is not None:
        labels = torch.full((len(files),), find_label(model, opened.split, label))
    elif model.config.condition:
        raise ConfigError(
            "The model is conditioned on labels, and image files carry none",
            fix="Say which label they have: --label NAME.",
        )
    resize = opened.run.recipe.data.resize
    pixels = np.stack([_read_image(Path(file), model.input_shape, resize) for file in files])
    low, high = opened.split.dataset.value_range
    return torch.from_numpy(low + pixels.astype(np.float32) * ((high - low) / 255)), labels


def _read_image(file: Path, shape: tuple[int, ...], resize: tuple[int, int] | None) -> Array:
    """Read an image file of a given shape (C, H, W) as values from 0 to 255.

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
        image = np.rint(np.tensordot(_GREY, image, axes=1))[np.newaxis]
    return np.broadcast_to(image, shape)
