"""Pictures of what a trained model can do, each made from a run and kept in a file."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latentscape.analysis import corrupted, walks
from latentscape.analysis.generation import Batch, Pictures, draw_samples, find_label
from latentscape.analysis.grids import draw_grid, in_columns
from latentscape.analysis.inference import reconstruct_with, stored
from latentscape.config import CorruptionConfig, validate
from latentscape.data.pictures import decode
from latentscape.errors import ConfigError, DataError
from latentscape.experiment import run_split
from latentscape.files import write_bytes
from latentscape.model import Autoencoder
from latentscape.model.corruption import OF_IMAGES
from latentscape.records import Array, Dataset, Split
from latentscape.runs import Run, load_model, open_run
from latentscape.runtime import choose_device

_ACROSS = 16
"""Images side by side at most, where their number is not what the picture is about."""

_LABELS_ACROSS = 32
_PAIRS = 8
_GAP = 2

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
class _Opened:
    """A run, opened to make a picture from, and the PNG that it shall become."""

    run: Run
    model: Autoencoder
    split: Split
    file: Path
    keeps_array: bool


def sample(
    run: str | Path | Run,
    *,
    count: int = 64,
    label: str | None = None,
    source: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    array: bool = False,
    data: Dataset | None = None,
    device: str = "auto",
) -> Sheet:
    """Draw codes, and picture what they decode to.

    Parameters
    ----------
    run : str, Path or Run
        The directory of a finished run.
    count : int
        How many.
    label : str, optional
        The label of all samples of a conditional model; by default its labels take turns, each in
        a column of its own.
    source : str, optional
        ``prior``, ``gmm`` (a mixture of Gaussians fitted to training codes) or ``vamp``; by default
        the model's prior, and a mixture where it has none.
    seed : int
        Draws the codes: the same seed gives the same samples.
    out : str or Path, optional
        The PNG to write; by default one named after the command, in the directory of the run.
    array : bool
        Whether the numbers are kept too, in a .npy file beside it.
    data : Dataset, optional
        The dataset, where the run was trained on one in memory.
    device : str
        As for `train`.

    Returns
    -------
    Sheet
        ``images`` (count, *shape).

    Raises
    ------
    ConfigError
        If the model does not have that source or that label, or the examples cannot be drawn.
    DataError
        If the data have changed, or are too few to fit a mixture to.
    RunError
        If the run is not finished or damaged, or the file cannot be written.
    """
    opened = _open(run, "sample", out, array, data, device)
    drawn = draw_samples(opened.model, opened.split, count, seed, source, label)
    columns = math.ceil(math.sqrt(count))
    if drawn.facts["labels"] and label is None:
        columns = min(len(set(drawn.facts["labels"])), _LABELS_ACROSS)
    return _keep(opened, drawn, columns)


def interpolate(
    run: str | Path | Run,
    *,
    between: tuple[int, int] | None = None,
    files: Sequence[str | Path] = (),
    label: str | None = None,
    path: str | None = None,
    steps: int = 10,
    out: str | Path | None = None,
    array: bool = False,
    data: Dataset | None = None,
    device: str = "auto",
) -> Sheet:
    """Picture what lies between the codes of two images.

    Parameters
    ----------
    run, out, array, data, device
        As for `sample`.
    between : tuple of int, optional
        Two test examples, counted from 0; by default eight pairs of them, of all classes.
    files : sequence of str or Path
        Two image files instead.
    label : str, optional
        The label of both files, which a conditional model needs.
    path : str, optional
        ``linear`` or ``spherical``; by default spherical under the prior N(0, I).
    steps : int
        Images in a row, both ends included.

    Returns
    -------
    Sheet
        ``images`` (pairs, steps, *shape).

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if there are no such examples or files, or no such path.
    """
    opened = _open(run, "interpolate", out, array, data, device)
    if files and len(files) != 2:
        raise ConfigError(f"{len(files)} file(s) to go between", expected="two")
    if not (files or between) and len(opened.split.test) < 2:
        raise ConfigError("There is one test example alone", fix="Give two image files: --files.")
    count = 2 * min(_PAIRS, len(opened.split.test) // 2)
    ends, what = _examples(opened, between, files, label, count)
    found = walks.interpolate(opened.model, ends, steps, path)
    return _keep(opened, _introduced(what, found), steps)


def traverse(
    run: str | Path | Run,
    *,
    example: int | None = None,
    steps: int = 9,
    out: str | Path | None = None,
    array: bool = False,
    data: Dataset | None = None,
    device: str = "auto",
) -> Sheet:
    """Picture what each number of a code does to an image.

    Parameters
    ----------
    run, out, array, data, device
        As for `sample`.
    example : int, optional
        The test example whose code is changed, counted from 0; by default the first one shown in
        the report.
    steps : int
        Images in a row.

    Returns
    -------
    Sheet
        ``images`` (dims, steps, *shape), twenty dimensions at most.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if there is no such example, or the code is made of whole vectors.
    """
    opened = _open(run, "traverse", out, array, data, device)
    split = opened.split
    place = np.searchsorted(split.test, split.examples(1)[0]) if example is None else example
    chosen, what = _examples(opened, (int(place),), (), None, 1)
    found = walks.traverse(opened.model, split, chosen, steps, walks.ROWS)
    return _keep(opened, _introduced(what, found), steps)


def manifold(
    run: str | Path | Run,
    *,
    size: int = 20,
    label: str | None = None,
    out: str | Path | None = None,
    array: bool = False,
    data: Dataset | None = None,
    device: str = "auto",
) -> Sheet:
    """Picture the whole plane of codes of two numbers.

    Parameters
    ----------
    run, out, array, data, device
        As for `sample`.
    size : int
        Images in a row, and in a column.
    label : str, optional
        Of a conditional model; by default its first.

    Returns
    -------
    Sheet
        ``images`` (size, size, *shape): the first number grows to the right, the second upwards.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if codes are not two numbers.
    """
    opened = _open(run, "manifold", out, array, data, device)
    found = walks.manifold(opened.model, opened.split, size, label)
    return _keep(opened, found, size, gap=0)


def reconstruct(
    run: str | Path | Run,
    *,
    count: int = 16,
    files: Sequence[str | Path] = (),
    label: str | None = None,
    out: str | Path | None = None,
    array: bool = False,
    data: Dataset | None = None,
    device: str = "auto",
) -> Sheet:
    """Picture images above their reconstructions.

    Parameters
    ----------
    run, out, array, data, device
        As for `sample`.
    count : int
        How many test images at most, the classes taking turns.
    files : sequence of str or Path
        Image files instead.
    label : str, optional
        The label of all files, which a conditional model needs.

    Returns
    -------
    Sheet
        ``images`` (2, n, *shape): originals, reconstructions.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if a file does not fit the model.
    """
    opened = _open(run, "reconstruct", out, array, data, device)
    (images, labels), what = _examples(opened, None, files, label, count)
    restored = reconstruct_with(opened.model)(images, labels)
    both = torch.stack([opened.model.scale(images), restored]).numpy()
    about = f"{what or 'Test images'} above, what the model makes of them below."
    return _keep(opened, Pictures(both, {"about": about}), _ACROSS)


def denoise(
    run: str | Path | Run,
    *,
    count: int = 10,
    noise: str | None = None,
    amount: float | None = None,
    files: Sequence[str | Path] = (),
    label: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    array: bool = False,
    data: Dataset | None = None,
    device: str = "auto",
) -> Sheet:
    """Picture images, the same with noise, and what the model makes of these.

    Parameters
    ----------
    run, out, array, data, device
        As for `sample`.
    count, files, label
        As for `reconstruct`.
    noise : str, optional
        ``gaussian``, ``masking``, ``salt_and_pepper`` or ``block``; by default what the run was
        trained on.
    amount : float, optional
        Standard deviation, or share of values, or share of height and width; by default as in
        training, and 0.3 for other noise.
    seed : int
        Draws the noise.

    Returns
    -------
    Sheet
        ``images`` (3, n, *shape): clean, noisy, restored. ``about`` has the errors over the test
        part.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `reconstruct`; and if the run has no noise of its own and none is given.
    """
    opened = _open(run, "denoise", out, array, data, device)
    corruption = _corruption(opened.model, noise, amount)
    shown, what = _examples(opened, None, files, label, count)
    found = corrupted.denoise(opened.model, opened.split, shown, corruption, seed)
    return _keep(opened, _introduced(what, found), _ACROSS)


def _open(
    run: str | Path | Run,
    name: str,
    out: str | Path | None,
    array: bool,
    data: Dataset | None,
    device: str,
) -> _Opened:
    """Open a run, and refuse what could not be written before anything is computed."""
    run = run if isinstance(run, Run) else open_run(run)
    file = run.path / f"{name}.png" if out is None else Path(out)
    if file.suffix.lower() != ".png":
        raise ConfigError(f"The picture shall go to {file}", expected="a name that ends in .png")
    model = load_model(run.path).to(choose_device(device))
    if not (_drawable(model) or array):
        raise ConfigError(
            f"The examples of {run.name} are vectors of {math.prod(model.input_shape)} numbers, "
            "which cannot be drawn",
            fix="Have the numbers written instead: --array.",
        )
    return _Opened(run, model, run_split(run, data), file, array)


def _drawable(model: Autoencoder) -> bool:
    return len(model.input_shape) == 3


def _keep(opened: _Opened, found: Pictures, columns: int, gap: int = _GAP) -> Sheet:
    """Write the picture and the array."""
    picture = array = None
    if opened.keeps_array:
        buffer = io.BytesIO()
        np.save(buffer, found.images, allow_pickle=False)
        array = opened.file.with_suffix(".npy")
        write_bytes(array, buffer.getvalue())
    if _drawable(opened.model):
        picture = opened.file
        rows = found.images if found.images.ndim == 5 else found.images[np.newaxis]
        write_bytes(picture, draw_grid(in_columns(rows, columns), gap))
    return Sheet(found.images, found.about, picture, array)


def _introduced(what: str, found: Pictures) -> Pictures:
    about = f"{what}. {found.about}" if what else found.about
    return Pictures(found.images, {**found.facts, "about": about})


def _examples(
    opened: _Opened,
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


def _read_files(opened: _Opened, files: Sequence[str | Path], label: str | None) -> Batch:
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
    image = decode(file, str(file), resize)
    if image.shape[1:] != shape[1:]:
        raise DataError(
            f"{file} is {image.shape[1]}x{image.shape[2]} pixels (height x width)",
            expected=f"{shape[1]}x{shape[2]}, as the images that the model was trained on",
            fix="Resize it.",
        )
    if len(image) == 3 and shape[0] == 1:
        image = np.rint(np.tensordot(_GREY, image, axes=1))[np.newaxis]
    return np.broadcast_to(image, shape)


def _corruption(model: Autoencoder, noise: str | None, amount: float | None) -> CorruptionConfig:
    """Return the noise that was asked for, or that the model was trained on."""
    own = model.config.corruption
    if noise is None and own is None:
        raise ConfigError(
            "The model was trained without noise, and has none of its own to be shown",
            expected="--noise gaussian, masking, salt_and_pepper, block or affine",
            fix="Or train one that removes noise: latentscape train denoising.",
        )
    settings: dict[str, object] = {"kind": noise}
    if own is not None and noise in (None, own.kind):
        settings = own.model_dump()
    if amount is not None:
        settings["amount"] = amount
    corruption = validate(CorruptionConfig, settings, "the noise")
    if corruption.kind in OF_IMAGES and not _drawable(model):
        raise ConfigError("Vectors have no rows and columns", fix="Choose --noise masking.")
    return corruption
