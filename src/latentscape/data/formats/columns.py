"""Columns of tables: which are labels and which are values, the same for CSV and Parquet."""

import math
import re
from collections.abc import Sequence
from difflib import get_close_matches

from latentscape.core.errors import DataError
from latentscape.core.records import LeftOut

# pixel0, pixel1, ... (Kaggle) or 1x1, 1x2, ... (row and column)
_PIXEL = re.compile(r"pixel.*|\d+x\d+", re.IGNORECASE)
_ROW_NUMBERS = ("", "__index_level_0__")  # columns that pandas writes


def choose_columns(
    names: Sequence[str], label_name: str | None, origin: str
) -> tuple[int | None, list[int]]:
    """Tell labels from values by the names of the columns.

    Parameters
    ----------
    names : sequence of str
        The names of all columns.
    label_name : str or None
        The label column; by default one called ``label``, if there is one.
    origin : str
        The table, for the message.

    Returns
    -------
    label : int or None
        Position of the label column.
    values : list of int
        Positions of the columns that are called pixels, if there are such; otherwise of all but the
        label and the row numbers that pandas writes.

    Raises
    ------
    DataError
        If the label column does not exist, or no column of values remains.
    """
    label = _label_column(names, label_name, origin)
    others = [index for index in range(len(names)) if index != label]
    pixels = [index for index in others if _PIXEL.fullmatch(names[index])]
    values = pixels or [index for index in others if names[index] not in _ROW_NUMBERS]
    if not values:
        raise DataError(
            f"{origin} has no columns of values", expected="one for each pixel or feature"
        )
    return label, values


def left_out(names: Sequence[str], label: int | None, values: Sequence[int]) -> tuple[LeftOut, ...]:
    """Name the columns that are neither label nor values, nor the row numbers of pandas."""
    used = {label, *values}
    others = tuple(
        name for index, name in enumerate(names) if index not in used and name not in _ROW_NUMBERS
    )
    reason = "neither the label nor called as values are"
    return (LeftOut("column", others, len(others), reason),) if others else ()


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
        (1, S, S) if all names are those of pixels and their number is a square, else (D,).
    """
    side = math.isqrt(len(names))
    square = side**2 == len(names) and all(_PIXEL.fullmatch(name) for name in names)
    return (1, side, side) if square and shape is None else (len(names),)


def _label_column(names: Sequence[str], label_name: str | None, origin: str) -> int | None:
    if label_name is None:
        return next((index for index, name in enumerate(names) if name.lower() == "label"), None)
    if label_name in names:
        return names.index(label_name)
    near = get_close_matches(label_name, names, n=3, cutoff=0.5)
    first_names = [*names[:5], "..."] if len(names) > 6 else list(names)
    raise DataError(
        f"{origin} has no column {label_name!r}",
        expected=f"one of its {len(names)} columns ({', '.join(first_names)})",
        fix=f"Did you mean {' or '.join(map(repr, near))}?"
        if near
        else "Name the label column with --labels.",
    )
