"""Which columns of a table are labels and which are values: the same for CSV and Parquet."""

import math
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from latentscape.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

# pixel0, pixel1, ... (Kaggle) or 1x1, 1x2, ... (row and column)
_PIXEL = re.compile(r"pixel.*|\d+x\d+", re.IGNORECASE)
_INDEX = ("", "__index_level_0__")  # the row numbers that pandas writes


def choose_columns(
    names: Sequence[str], wanted: str | None, origin: str
) -> tuple[int | None, list[int]]:
    """Tell labels from values by the names of the columns.

    Parameters
    ----------
    names : sequence of str
        The names of all columns.
    wanted : str or None
        The label column; by default one called ``label``, if there is one.
    origin : str
        The table, for the message.

    Returns
    -------
    label : int or None
        Position of the label column.
    values : list of int
        Positions of the columns that are called pixels if some are; otherwise of all but the label
        and the row numbers that pandas writes.

    Raises
    ------
    DataError
        If the label column does not exist, or nothing is left for values.
    """
    label = _label_column(names, wanted, origin)
    rest = [index for index in range(len(names)) if index != label]
    pixels = [index for index in rest if _PIXEL.fullmatch(names[index])]
    values = pixels or [index for index in rest if names[index] not in _INDEX]
    if not values:
        raise DataError(
            f"{origin} has no columns of values", expected="one for each pixel or feature"
        )
    return label, values


def left_out(names: Sequence[str], label: int | None, values: Sequence[int]) -> tuple[str, ...]:
    """Name the columns that are neither label nor values, nor the row numbers of pandas."""
    used = {label, *values}
    return tuple(n for index, n in enumerate(names) if index not in used and n not in _INDEX)


def example_shape(names: Sequence[str], wanted: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the shape of an example whose values have these names.

    Parameters
    ----------
    names : sequence of str
        The names of the columns of values.
    wanted : tuple of int or None
        The shape that the user asks for, and that flat values will be given later.

    Returns
    -------
    tuple of int
        (1, S, S) if all names are those of pixels and their number is a square, else (D,).
    """
    side = math.isqrt(len(names))
    square = side**2 == len(names) and all(_PIXEL.fullmatch(name) for name in names)
    return (1, side, side) if square and wanted is None else (len(names),)


def slices(table: "pa.Table", size: int) -> "Iterator[pa.Table]":
    """Cut a table into parts of at most `size` rows; nothing is copied."""
    return (table.slice(start, size) for start in range(0, table.num_rows, size))


def _label_column(names: Sequence[str], wanted: str | None, origin: str) -> int | None:
    if wanted is None:
        return next((index for index, name in enumerate(names) if name.lower() == "label"), None)
    if wanted in names:
        return names.index(wanted)
    near = get_close_matches(wanted, names, n=3, cutoff=0.5)
    shown = [*names[:5], "..."] if len(names) > 6 else list(names)
    raise DataError(
        f"{origin} has no column {wanted!r}",
        expected=f"one of its {len(names)} columns ({', '.join(shown)})",
        fix=f"Did you mean {' or '.join(map(repr, near))}?"
        if near
        else "Name the label column with --labels.",
    )
