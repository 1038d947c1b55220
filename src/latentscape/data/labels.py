"""Labels: numbers or texts of any kind become indices and names."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError, unknown
from latentscape.core.records import Array, Dataset, LeftOut
from latentscape.data.text import readable

NO_LABELS = "none"
"""What ``data.labels`` is where labels are left out on purpose."""

_MAX_FRACTIONS = 20
"""Classes that may be called by numbers with fractions; more of these are measurements."""

_FEW = 20
"""So many examples do not show whether labels that all differ are classes."""


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


def check_label_count(labels: Array, count: int, origin: str) -> None:
    """Raise a DataError unless there are as many labels as examples."""
    if len(labels) != count:
        raise DataError(
            f"{origin} holds {count} examples but {len(labels)} labels, "
            f"in an array of shape {labels.shape}",
            expected=f"a label for each of the {count} examples",
        )


def index_labels(
    values: Array | None, count: int, label_names: tuple[str, ...], origin: str
) -> tuple[NDArray[np.int64] | None, tuple[str, ...], tuple[LeftOut, ...]]:
    """Turn labels into indices and names, or say why they name no classes.

    Parameters
    ----------
    values : ndarray or None
        Labels as their source has them: (N,) or (N, 1) for classes.
    count : int
        Number of examples.
    label_names : tuple of str
        What labels are called that are indices already; or the names that labels may be.
    origin : str
        Where they come from, for messages.

    Returns
    -------
    indices : ndarray of int64 or None
        (N,) positions in `names`; None where there are no labels, or none that name classes.
    names : tuple of str
        What the labels are called.
    left_out : tuple of LeftOut
        Labels that name no classes, and why not.

    Raises
    ------
    DataError
        If there are not as many labels as examples, or some are missing.
    """
    if values is None:
        return None, (), ()
    check_label_count(values, count, origin)
    if reason := _why_no_classes(values, origin):
        columns = values.size // max(count, 1)
        return None, (), (LeftOut("label", (), columns, reason),)
    if label_names:
        return _named_labels(values.reshape(-1), label_names, origin), label_names, ()
    return *encode_labels(values, origin), ()


def _named_labels(column: Array, label_names: tuple[str, ...], origin: str) -> NDArray[np.int64]:
    """Check indices of names; or look up labels that are names."""
    column = _plain(column)
    if column.dtype.kind not in "biu":
        return known_labels(column, label_names, origin)
    indices = column.astype(np.int64)
    if len(indices) and not 0 <= indices.min() <= indices.max() < len(label_names):
        raise DataError(
            f"The labels of {origin} go from {indices.min()} to {indices.max()}, "
            f"and {len(label_names)} names are given for them",
            expected=f"whole numbers from 0 to {len(label_names) - 1}",
        )
    return indices


def _why_no_classes(values: Array, origin: str) -> str:
    """Say why labels do not name one class for each example; '' if they do."""
    if values.ndim != 1 and values.shape != (len(values), 1):
        return _several_each(values)
    column = values.reshape(-1)
    if column.dtype.kind not in "biufUSO":
        return f"labels of type {column.dtype} name no classes"
    _check_present(column, origin)
    different = len(set(column.tolist()))
    is_float = column.dtype.kind == "f"
    if is_float and different > _MAX_FRACTIONS and (column % 1).any():
        return f"{different} different numbers that are not whole measure something"
    if different > len(column) / 2 and len(column) >= _FEW:
        return f"{different} different labels of {len(column)} examples name no classes"
    return ""


def _several_each(values: Array) -> str:
    """Say what several numbers for each example are."""
    shape = " x ".join(map(str, values.shape[1:]))
    if values.ndim == 2 and values.dtype.kind in "biuf" and np.isin(values, (0, 1)).all():
        if (values.sum(1) == 1).all():
            return f"one of {shape} columns is 1 (one-hot); classes are labels.argmax(1)"
        return f"{shape} answers of yes and no for each example (multi-label)"
    return f"{shape} values for each example, and not one class"


def label_indices(names: Sequence[str], dataset: Dataset) -> list[int]:
    """Look labels up by their names.

    Raises
    ------
    DataError
        If the dataset has no labels, or one of them does not exist (with the nearest that does).
    """
    if dataset.labels is None:
        raise DataError(
            f"{dataset.name} has no labels{why_unlabelled(dataset)}, "
            f"so {', '.join(names)} cannot be among them",
            fix="Name their column or file with --labels.",
        )
    for name in names:
        if name not in dataset.label_names:
            raise unknown(f"label of {dataset.name}", name, dataset.label_names, DataError)
    return [dataset.label_names.index(name) for name in names]


def why_unlabelled(dataset: Dataset) -> str:
    """Say in brackets why a dataset has no labels, where its source has some."""
    reasons = [entry.reason for entry in dataset.left_out if entry.kind == "label"]
    return f" ({'; '.join(reasons)})" if reasons else ""


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
            fix="Fill them in, or leave all labels out: --labels none.",
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
