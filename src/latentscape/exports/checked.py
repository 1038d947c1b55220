"""Exporting a model: files are written, run on real images, and kept if they do what it does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from latentscape.config import Recipe
from latentscape.core.errors import RunError
from latentscape.core.files import write_files
from latentscape.core.records import Split
from latentscape.exports.metadata import describe_model, describe_submodel
from latentscape.exports.submodels import Runner, Submodel, split_model
from latentscape.exports.target import choose_target
from latentscape.inference.batches import evaluating
from latentscape.model import Network

TOLERANCE = 1e-4
"""Largest difference from the model that is accepted. It is a share of the largest number that the
model returns, where that is above one: float32 keeps a number of digits, not of decimal places."""


@dataclass(frozen=True)
class Exported:
    """A file that was written and checked against the model.

    Attributes
    ----------
    part : str
        ``encoder`` or ``decoder``.
    file : Path
        Where it is.
    difference : float
        The largest absolute difference between what the file gives and what the model does.
    largest : float
        The largest absolute value that the model gives: the scale of the difference.
    images : int
        Examples on which they were compared.
    made_up : bool
        Whether these were made up, because there were no test examples.
    """

    part: str
    file: Path
    difference: float
    largest: float
    images: int
    made_up: bool = False


def export_model(
    model: Network,
    split: Split | None,
    recipe: Recipe,
    to: str,
    parts: Sequence[str],
    folder: Path,
    label_names: Sequence[str] = (),
) -> list[Exported]:
    """Write parts of a model in a format, and run the files on test examples against the model.

    Either all files are written, or none is and those that stood there before stay. The same model
    makes the same ONNX and torch.export files; Keras writes the time into its own.

    Parameters
    ----------
    model : Network
        A trained model, on the CPU, evaluating.
    split : Split or None
        What it was trained on; without it files are checked on images that are made up.
    recipe : Recipe
        What it was trained by.
    to : str
        ``onnx``, ``keras`` or ``torch-export``.
    parts : sequence of str
        ``encoder``, ``decoder`` or both.
    folder : Path
        Where the files shall be, each named after its part.
    label_names : sequence of str
        What the labels are called.

    Returns
    -------
    list of Exported
        The files, in the order of `parts`.

    Raises
    ------
    ConfigError
        If there is no such format, a package that it needs is missing, or the format has nothing
        that does what the model does.
    RunError
        If a file does not do what the model does, or cannot be written.
    """
    target = choose_target(to)
    submodels = split_model(model, split)
    about = describe_model(model, split, recipe, label_names)
    names = {part: f"{part}{target.suffix}" for part in parts}
    exported = []
    for part in parts:
        target.check(submodels[part])
    with write_files(folder, list(names.values())) as building:
        for part, name in names.items():
            submodel, file = submodels[part], building / name
            metadata = {**describe_submodel(submodel, target), **about}
            target.write(submodel, json.dumps(metadata), file)
            exported.append(_compare(submodel, target.open(file), folder / name))
    return [replace(one, made_up=split is None) for one in exported]


def difference_from(submodel: Submodel, run: Runner) -> float:
    """Return the largest difference between what was written and the model; NaN where it has one.

    They are compared on all examples of the submodel, in batches of several sizes.
    """
    count = len(submodel.expected)
    inputs = {name: values.numpy() for name, values in submodel.inputs.items()}
    cuts = [0, *(cut for cut in (1, 4) if cut < count), count]
    with evaluating():
        parts = [
            run({name: values[start:stop] for name, values in inputs.items()})
            for start, stop in pairwise(cuts)
        ]
    return float(np.abs(np.concatenate(parts) - submodel.expected.numpy()).max())


def allowed_difference(submodel: Submodel) -> float:
    """Return the largest difference from the model that is accepted; see `TOLERANCE`."""
    return TOLERANCE * max(1.0, float(submodel.expected.abs().max()))


def _compare(submodel: Submodel, run: Runner, file: Path) -> Exported:
    """Run what was written for a file, and refuse it where it does not do what the model does."""
    count, largest = len(submodel.expected), float(submodel.expected.abs().max())
    difference, allowed = difference_from(submodel, run), allowed_difference(submodel)
    if not difference <= allowed:  # As it is if one of them is NaN.
        raise RunError(
            f"The {submodel.name} written to {file.name} differs from the model by up to "
            f"{difference:.1e} on {count} images",
            expected=f"{allowed:.1e} at most",
            fix="Nothing was kept. Choose another format: --to.",
        )
    return Exported(submodel.name, file, difference, largest, count)
