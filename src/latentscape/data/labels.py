"""Labels: numbers or texts of any kind become indices and names."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError, unknown
from latentscape.core.records import Array, Dataset
from latentscape.data.text import readable


def encode_labels(values: Array, origin: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Assign a number to each class.

    Parameters
    ----------
    values : ndarray
        (N,) or (N, 1) integers, whole or other floats, truth values or texts.
    origin : str
        Where they come from, for the message.

    Returns
    -------
    indices : ndarray of int64
        (N,) positions in `names`.
    names : tuple of str
        Sorted: numerically if all of them are numbers, alphabetically otherwise.

    Raises
    ------
    DataError
        If labels have other axes, a type that cannot name classes, or some are missing.
    """
    column = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if column.ndim != 1 or column.dtype.kind not in "biufUSO":
        raise DataError(
            f"The labels in {origin} have the shape {values.shape} and the type {values.dtype}",
            expected="one number or text for each example",
        )
    _check_present(column, origin)
    classes, inverse = np.unique(_plain(column), return_inverse=True)
    names = [readable(name) if isinstance(name, str | bytes) else str(name) for name in classes]
    order = _order(names)
    position = np.empty(len(names), np.int64)
    position[order] = np.arange(len(names))
    return position[inverse], tuple(names[index] for index in order)


def label_indices(names: Sequence[str], dataset: Dataset) -> list[int]:
    """Look labels up by their names.

    Raises
    ------
    DataError
        If the dataset has no labels, or one of them does not exist (with the nearest that does).
    """
    if dataset.labels is None:
        raise DataError(
            f"{dataset.name} has no labels, so {', '.join(names)} cannot be among them",
            fix="Name their column or file with --labels.",
        )
    for name in names:
        if name not in dataset.label_names:
            raise unknown(f"label of {dataset.name}", name, dataset.label_names, DataError)
    return [dataset.label_names.index(name) for name in names]


def known_labels(values: Array, names: Sequence[str], origin: str) -> NDArray[np.int64]:
    """Look labels up among names that are known.

    Parameters
    ----------
    values : ndarray
        (N,) as in `encode_labels`.
    names : sequence of str
        What the labels 0, 1, ... are called.
    origin : str
        Where the values come from, for the message.

    Returns
    -------
    ndarray of int64
        (N,) positions in `names`.

    Raises
    ------
    DataError
        If a label is missing, or is not among the names.
    """
    indices, classes = encode_labels(values, origin)
    for name in classes:
        if name not in names:
            raise DataError(
                f"{origin} has the label {name!r}",
                expected=f"one of the known labels, {', '.join(names)}",
            )
    return np.array([names.index(name) for name in classes], np.int64)[indices]


def _check_present(column: Array, origin: str) -> None:
    if column.dtype.kind == "f":
        missing = ~np.isfinite(column)
    elif column.dtype.kind in "USO":
        missing = np.array(
            [value is None or value in ("", b"") or value != value for value in column], bool
        )
    else:
        return
    if missing.any():
        raise DataError(
            f"{origin} has no label for {np.count_nonzero(missing)} example(s), "
            f"the first of them number {missing.argmax()}, counted from 0",
            expected="a label for each example",
        )


def _plain(column: Array) -> Array:
    if column.dtype.kind == "O":
        texts = [readable(value) if isinstance(value, bytes) else str(value) for value in column]
        return np.array(texts, object).astype(str)
    if (
        column.dtype.kind == "f"
        and (np.abs(column) < 2**53).all()
        and (column == np.trunc(column)).all()
    ):
        return column.astype(np.int64)  # class 3 stored as 3.0 is still called 3
    return column


def _order(names: list[str]) -> list[int]:
    numbers = [_number(name) for name in names]
    if all(math.isfinite(number) for number in numbers):
        return sorted(range(len(names)), key=lambda index: (numbers[index], names[index]))
    return sorted(range(len(names)), key=names.__getitem__)


def _number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return math.nan
