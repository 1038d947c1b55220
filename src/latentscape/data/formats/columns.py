"""Columns of tables: which are labels and which are values, the same for CSV and Parquet."""

import math
import re
from collections.abc import Sequence
from difflib import get_close_matches

from latentscape.core.errors import DataError
from latentscape.core.records import LeftOut
from latentscape.data.labels import NO_LABELS

SMALLEST_IMAGE = 8
"""Columns without names of their own, a square of at least this side, hold images."""

LABEL_NAMES = ("label", "labels", "target", "class")
"""What a column of labels is called, in small letters."""

# pixel0, pixel1, ... (Kaggle) or 1x1, 1x2, ... (row and column)
_PIXEL = re.compile(r"pixel.*|\d+x\d+", re.IGNORECASE)

_ROW_NUMBERS = ("", "__index_level_0__", "unnamed: 0", "index", "id")
"""Columns that count or name the rows, in small letters; pandas writes the first four."""


def choose_columns(
    names: Sequence[str], label_name: str | None, origin: str
) -> tuple[int | None, list[int]]:
    """Tell labels from values by the names of the columns.

    Parameters
    ----------
    names : sequence of str
        The names of all columns.
    label_name : str or None
        The label column, or its position from the end (-1); by default the one called ``label``,
        ``labels``, ``target`` or ``class``, if there is one. ``none`` leaves all of these out.
    origin : str
        The table, for the message.

    Returns
    -------
    label : int or None
        Position of the label column.
    values : list of int
        Positions of the columns that are called pixels, or by the numbers 0, 1, 2, ... or 1, 2,
        ..., if there are such; otherwise of all but the label and those that count or name rows.

    Raises
    ------
    DataError
        If the label column does not exist or is one of several, or no column of values remains.
    """
    is_none = label_name == NO_LABELS
    label = None if is_none else _label_column(names, label_name, origin)
    labels = _called_labels(names) if is_none else [label]
    others = [index for index in range(len(names)) if index not in labels]
    pixels = [index for index in others if _PIXEL.fullmatch(names[index])]
    values = (
        pixels
        or _numbered(names, others)
        or [index for index in others if names[index].lower() not in _ROW_NUMBERS]
    )
    if not values:
        raise DataError(
            f"{origin} has no columns of values", expected="one for each pixel or feature"
        )
    return label, values


def left_out(names: Sequence[str], label: int | None, values: Sequence[int]) -> tuple[LeftOut, ...]:
    """Name the columns that are neither label nor values."""
    used = {label, *values}
    others = [name for index, name in enumerate(names) if index not in used]
    groups: dict[str, list[str]] = {}
    for name in others:
        groups.setdefault(_why_unused(name, label), []).append(name)
    return tuple(
        entry
        for reason, group in groups.items()
        for entry in LeftOut.of("column", group, reason, len(group))
    )


def _why_unused(name: str, label: int | None) -> str:
    if name.lower() in _ROW_NUMBERS:
        return "it counts or names the rows"
    if label is None and name.lower() in LABEL_NAMES:
        return "labels are not asked for"
    return "neither the label nor called as the values are"


def example_shape(names: Sequence[str], shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the shape of an example whose values have these names.

    Parameters
    ----------
    names : sequence of str
        The names of the columns of values.
    shape : tuple of int or None
        The shape that the settings ask for. It is applied later, to flat values.

    Returns
    -------
    tuple of int
        (1, S, S) if all names are those of pixels and their number is a square, or if names are
        numbers and it is a larger square; else (D,).
    """
    side = math.isqrt(len(names))
    are_pixels = all(_PIXEL.fullmatch(name) for name in names)
    are_pixels |= side >= SMALLEST_IMAGE and is_numbered(names)
    square = side**2 == len(names) and are_pixels
    return (1, side, side) if square and shape is None else (len(names),)


def is_numbered(names: Sequence[str]) -> bool:
    """Tell whether names are the numbers 0, 1, 2, ... or 1, 2, 3, ... in this order."""
    return any(
        all(name == str(number) for number, name in enumerate(names, start)) for start in (0, 1)
    )


def _numbered(names: Sequence[str], others: Sequence[int]) -> list[int]:
    """Return the columns that are called by their numbers, if these are most of them."""
    numbers = [index for index in others if names[index].isdecimal()]
    is_most = len(numbers) > len(others) / 2
    return numbers if is_most and is_numbered([names[index] for index in numbers]) else []


def _label_column(names: Sequence[str], label_name: str | None, origin: str) -> int | None:
    if label_name is None:
        return _default_label(names, origin)
    if label_name in names:
        return names.index(label_name)
    if re.fullmatch(r"-\d+", label_name) and int(label_name) >= -len(names):
        return int(label_name) + len(names)
    near = get_close_matches(label_name, names, n=3, cutoff=0.5)
    first_names = [*names[:5], "..."] if len(names) > 6 else list(names)
    raise DataError(
        f"{origin} has no column {label_name!r}",
        expected=f"one of its {len(names)} columns ({', '.join(first_names)})",
        fix=f"Did you mean {' or '.join(map(repr, near))}?"
        if near
        else "Name the label column with --labels.",
    )


def _called_labels(names: Sequence[str]) -> list[int]:
    return [index for index, name in enumerate(names) if name.lower() in LABEL_NAMES]


def _default_label(names: Sequence[str], origin: str) -> int | None:
    """Return the column that is called as labels are; refuse to choose among several."""
    called = _called_labels(names)
    if len(called) > 1:
        options = [f"--labels {names[index]}" for index in called]
        raise DataError(
            f"{origin} has the columns {', '.join(names[index] for index in called)}, "
            "each of which may be the label",
            expected="to know which one it is; the others count as values unless values are "
            "called pixels or by numbers",
            fix=f"Say {' or '.join(options)}.",
        )
    return called[0] if called else None
