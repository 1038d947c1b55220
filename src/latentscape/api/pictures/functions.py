"""Pictures of what a trained model can do.

What is slow to import is imported inside the functions: the command line reads their signatures.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latentscape.core.errors import check_at_least

if TYPE_CHECKING:
    from latentscape.api.pictures.sheets import Sheet, Target
    from latentscape.config import Changes
    from latentscape.inference.inputs import Source
    from latentscape.runs import Run

_ACROSS = 16
"""Images side by side at most, where their number is not what the picture is about."""

_LABELS_ACROSS = 32
_PAIRS = 8

_MOVING_STEPS = 25
"""Images of a walk that moves, where nobody says how many."""


def sample(
    run: "str | Path | Run",
    *,
    count: int = 64,
    label: str | None = None,
    source: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    array: bool = False,
    data: object = None,
    device: str = "auto",
) -> "Sheet":
    """Draw codes, and picture what they decode to.

    Parameters
    ----------
    run : str, Path or Run
        The directory of a finished run, or a model file.
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
        The PNG to write; by default one named after the command, beside the model.
    array : bool
        Whether the numbers are kept too, in a .npy file beside it.
    data : str, Path or data in memory, optional
        The data that the model was trained on, where they were in memory or have moved.
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
    from latentscape.api.pictures.labels import sample_labels
    from latentscape.api.pictures.sheets import open_sheet, write_sheet
    from latentscape.inference.samples import draw_samples
    from latentscape.reporting.sentences import describe_samples

    check_at_least("count", count, 1)
    target = open_sheet(run, "sample", out, array, data, device)
    samples = draw_samples(target.model, target.trained_on, count, seed, source, label)
    columns = math.ceil(math.sqrt(count))
    if samples.labels and label is None:
        columns = min(len(set(samples.labels)), _LABELS_ACROSS)
    labels = sample_labels(samples)
    return write_sheet(target, samples.images, describe_samples(samples), columns, labels=labels)


def interpolate(
    run: "str | Path | Run",
    *,
    between: tuple[int, int] | None = None,
    part: Literal["train", "validation", "test"] | None = None,
    data: "Source | None" = None,
    files: Sequence[str | Path] = (),
    label: str | None = None,
    path: Literal["linear", "spherical"] | None = None,
    steps: int | None = None,
    changes: "Changes | None" = None,
    out: str | Path | None = None,
    array: bool = False,
    dataset: object = None,
    device: str = "auto",
) -> "Sheet":
    """Picture what lies between the codes of two images.

    Parameters
    ----------
    run, array, device
        As for `sample`.
    between : tuple of int, optional
        Two examples, counted from 0; by default eight pairs of them, of all classes.
    part, data, label, changes, dataset
        As for `reconstruct`.
    files : sequence of str or Path
        Two image files instead.
    path : str, optional
        ``linear`` or ``spherical``; by default spherical under the prior N(0, I).
    steps : int, optional
        Images in a row, both ends included; by default 10, and 25 where they move.
    out : str or Path, optional
        The PNG to write; by default one named after the command, beside the model. In a .webp, .gif
        or .mp4 the images follow each other, there and back.

    Returns
    -------
    Sheet
        ``images`` (pairs, steps, *shape).

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if there are no such examples or files, or no such path.
    """
    from latentscape.api.pictures.labels import interpolation_labels
    from latentscape.api.pictures.sheets import Choice, open_sheet, write_sheet
    from latentscape.api.pictures.shown import examples
    from latentscape.core.errors import ConfigError
    from latentscape.inference import walks
    from latentscape.reporting.sentences import describe_interpolation

    choice = Choice(between, part, data, files, changes, label)
    target = open_sheet(run, "interpolate", out, array, dataset, device, choice, may_move=True)
    steps = _steps(steps, target, 10)
    if files and len(files) != 2:
        raise ConfigError(f"{len(files)} file(s) to go between", expected="two")
    shown = examples(target, 2 * _PAIRS)
    images, labels = shown.batch
    if len(images) < 2:
        raise ConfigError("There is one example alone", fix="Give two image files: --files.")
    even = len(images) // 2 * 2
    ends = images[:even], None if labels is None else labels[:even]
    lines = walks.interpolate(target.model, ends, steps, path)
    about = describe_interpolation(lines, moves=target.moves)
    texts = interpolation_labels(shown.captions, steps)
    return write_sheet(target, lines.images, about, steps, labels=texts, title=shown.title)


def traverse(
    run: "str | Path | Run",
    *,
    example: int | None = None,
    steps: int | None = None,
    out: str | Path | None = None,
    array: bool = False,
    data: object = None,
    device: str = "auto",
) -> "Sheet":
    """Picture what each number of a code does to an image.

    Parameters
    ----------
    run, array, data, device
        As for `sample`.
    example : int, optional
        The test example whose code is changed, counted from 0; by default the first one shown in
        the report.
    steps : int, optional
        Images in a row; by default 9, and 25 where they move.
    out
        As for `interpolate`.

    Returns
    -------
    Sheet
        ``images`` (dims, steps, *shape), twenty dimensions at most.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if there is no such example, or the code is made of whole vectors.
    """
    from latentscape.api.pictures.labels import traversal_labels
    from latentscape.api.pictures.sheets import open_sheet, write_sheet
    from latentscape.api.pictures.shown import traversed_example
    from latentscape.inference import walks
    from latentscape.reporting.sentences import describe_traversals

    target = open_sheet(run, "traverse", out, array, data, device, may_move=True)
    steps = _steps(steps, target, 9)
    shown = traversed_example(target, example)
    lines = walks.traverse(target.model, target.trained_on, shown.batch, steps, walks.MAX_ROWS)
    about, texts = describe_traversals(lines, moves=target.moves), traversal_labels(lines)
    return write_sheet(target, lines.images, about, steps, labels=texts, title=shown.title)


def manifold(
    run: "str | Path | Run",
    *,
    size: int = 20,
    label: str | None = None,
    out: str | Path | None = None,
    array: bool = False,
    data: object = None,
    device: str = "auto",
) -> "Sheet":
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
    from latentscape.api.pictures.labels import manifold_labels
    from latentscape.api.pictures.sheets import open_sheet, write_sheet
    from latentscape.inference import walks
    from latentscape.reporting.sentences import describe_manifold

    check_at_least("size", size, 2)
    target = open_sheet(run, "manifold", out, array, data, device)
    plane = walks.manifold(target.model, target.trained_on, size, label)
    about, texts = describe_manifold(plane), manifold_labels(plane)
    return write_sheet(target, plane.images, about, size, labels=texts, gap=0)


def reconstruct(
    run: "str | Path | Run",
    *,
    count: int = 16,
    part: Literal["train", "validation", "test"] | None = None,
    data: "Source | None" = None,
    files: Sequence[str | Path] = (),
    label: str | None = None,
    changes: "Changes | None" = None,
    out: str | Path | None = None,
    dataset: object = None,
    array: bool = False,
    device: str = "auto",
) -> "Sheet":
    """Picture images above their reconstructions.

    Parameters
    ----------
    run, out, array, device
        As for `sample`.
    count : int
        How many images at most, the classes taking turns.
    part : str, optional
        ``train``, ``validation`` or ``test`` of the run's own data; by default ``test``.
    data : str, Path, Dataset or sequence of paths, optional
        Other images: a name, a path of any format, or a dataset in memory.
    files : sequence of str or Path
        Image files instead.
    label : str, optional
        The label of all of these, which a conditional model needs.
    changes : mapping, optional
        How `data` or `files` are read: ``labels``, ``shape``, ``range``, ``resize``, ``grey``; by
        default the last two are those of the training data.
    dataset : str, Path or data in memory, optional
        The data that the model was trained on, where they were in memory or have moved.

    Returns
    -------
    Sheet
        ``images`` (2, n, *shape): originals, reconstructions.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `sample`; and if a file does not fit the model.
    """
    import torch

    from latentscape.api.pictures.labels import column_labels
    from latentscape.api.pictures.sheets import Choice, open_sheet, write_sheet
    from latentscape.api.pictures.shown import examples
    from latentscape.inference.codec import reconstruct_with

    check_at_least("count", count, 1)
    choice = Choice(None, part, data, files, changes, label)
    target = open_sheet(run, "reconstruct", out, array, dataset, device, choice)
    shown = examples(target, count)
    restored = reconstruct_with(target.model)(*shown.batch)
    both = torch.stack([target.model.scale(shown.batch[0]), restored]).numpy()
    about = f"{shown.title or 'Test images'} above, what the model makes of them below."
    texts = column_labels(("original", "model"), shown.captions)
    return write_sheet(target, both, about, _ACROSS, labels=texts)


def denoise(
    run: "str | Path | Run",
    *,
    count: int = 10,
    noise: str | None = None,
    amount: float | None = None,
    part: Literal["train", "validation", "test"] | None = None,
    data: "Source | None" = None,
    files: Sequence[str | Path] = (),
    label: str | None = None,
    seed: int = 0,
    changes: "Changes | None" = None,
    out: str | Path | None = None,
    array: bool = False,
    device: str = "auto",
    dataset: object = None,
) -> "Sheet":
    """Picture images, the same with noise, and what the model makes of these.

    Parameters
    ----------
    run, out, array, device
        As for `sample`.
    count, part, data, files, label, changes, dataset
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
    import numpy as np

    from latentscape.api.pictures.labels import column_labels
    from latentscape.api.pictures.sheets import (
        Choice,
        choose_corruption,
        open_sheet,
        write_sheet,
    )
    from latentscape.api.pictures.shown import examples
    from latentscape.inference import denoising
    from latentscape.reporting.sentences import describe_denoising

    check_at_least("count", count, 1)
    choice = Choice(None, part, data, files, changes, label)
    target = open_sheet(run, "denoise", out, array, dataset, device, choice)
    corruption = choose_corruption(target.model, noise, amount)
    shown = examples(target, count)
    result = denoising.denoise(target.model, target.tested(), shown.batch, corruption, seed)
    images = np.stack([result.clean, result.noisy, result.restored])
    about, texts = (
        describe_denoising(result),
        column_labels(("clean", "noisy", "model"), shown.captions),
    )
    return write_sheet(target, images, about, _ACROSS, labels=texts, title=shown.title)


def _steps(steps: int | None, target: "Target", usual: int) -> int:
    """Return how many images a walk has."""
    if steps is None:
        return _MOVING_STEPS if target.moves else usual
    check_at_least("steps", steps, 2)
    return steps
