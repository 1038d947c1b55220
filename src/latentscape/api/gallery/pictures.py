"""Pictures of what a trained model can do."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from latentscape.api.gallery.sheets import (
    Sheet,
    drawable,
    examples,
    introduced,
    keep,
    open_sheet,
)
from latentscape.config import CorruptionConfig, validate
from latentscape.core.errors import ConfigError
from latentscape.core.records import Dataset
from latentscape.inference import denoising as corrupted
from latentscape.inference import walks
from latentscape.inference.codec import reconstruct_with
from latentscape.inference.samples import Pictures, draw_samples
from latentscape.model import Network
from latentscape.model.corruption import OF_IMAGES
from latentscape.runs import Run

_ACROSS = 16
"""Images side by side at most, where their number is not what the picture is about."""

_LABELS_ACROSS = 32
_PAIRS = 8


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
    opened = open_sheet(run, "sample", out, array, data, device)
    drawn = draw_samples(opened.model, opened.split, count, seed, source, label)
    columns = math.ceil(math.sqrt(count))
    if drawn.facts["labels"] and label is None:
        columns = min(len(set(drawn.facts["labels"])), _LABELS_ACROSS)
    return keep(opened, drawn, columns)


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
    opened = open_sheet(run, "interpolate", out, array, data, device)
    if files and len(files) != 2:
        raise ConfigError(f"{len(files)} file(s) to go between", expected="two")
    if not (files or between) and len(opened.split.test) < 2:
        raise ConfigError("There is one test example alone", fix="Give two image files: --files.")
    count = 2 * min(_PAIRS, len(opened.split.test) // 2)
    ends, what = examples(opened, between, files, label, count)
    found = walks.interpolate(opened.model, ends, steps, path)
    return keep(opened, introduced(what, found), steps)


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
    opened = open_sheet(run, "traverse", out, array, data, device)
    split = opened.split
    place = np.searchsorted(split.test, split.examples(1)[0]) if example is None else example
    chosen, what = examples(opened, (int(place),), (), None, 1)
    found = walks.traverse(opened.model, split, chosen, steps, walks.ROWS)
    return keep(opened, introduced(what, found), steps)


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
    opened = open_sheet(run, "manifold", out, array, data, device)
    found = walks.manifold(opened.model, opened.split, size, label)
    return keep(opened, found, size, gap=0)


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
    opened = open_sheet(run, "reconstruct", out, array, data, device)
    (images, labels), what = examples(opened, None, files, label, count)
    restored = reconstruct_with(opened.model)(images, labels)
    both = torch.stack([opened.model.scale(images), restored]).numpy()
    about = f"{what or 'Test images'} above, what the model makes of them below."
    return keep(opened, Pictures(both, {"about": about}), _ACROSS)


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
    opened = open_sheet(run, "denoise", out, array, data, device)
    corruption = _corruption(opened.model, noise, amount)
    shown, what = examples(opened, None, files, label, count)
    found = corrupted.denoise(opened.model, opened.split, shown, corruption, seed)
    return keep(opened, introduced(what, found), _ACROSS)


def _corruption(model: Network, noise: str | None, amount: float | None) -> CorruptionConfig:
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
    if corruption.kind in OF_IMAGES and not drawable(model):
        raise ConfigError("Vectors have no rows and columns", fix="Choose --noise masking.")
    return corruption
