"""Labels of some examples of a dataset, by their rows: those that a person gave in the explorer.

A table (.csv, .tsv) has the columns ``row``, counted from 0, and ``label``; a .npy file holds a
text for each example, an empty one where there is no label. Examples without a label are left out.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.files import harmless
from latentscape.core.records import Array, LeftOut
from latentscape.data.arrays import load_arrays
from latentscape.data.contents import Contents, Examples, label_table

if TYPE_CHECKING:
    import pyarrow as pa

INSTEAD = "instead of "
"""Begins the name of a column: the rest is what ``data.labels`` was when the labels were given."""

_TABLES = (".csv", ".tsv")


@dataclass(frozen=True, eq=False)
class RowLabels:
    """Labels of some examples.

    Attributes
    ----------
    file : Path
        Where they stand.
    rows : ndarray of int64
        (n,) examples that have a label, in ascending order.
    labels : ndarray of str
        (n,) what they are called.
    ids : tuple of str or None
        Names of the files of the examples, where the file has them.
    instead : str or None
        How labels of the source itself are read, where that is a setting.
    """

    file: Path
    rows: NDArray[np.int64]
    labels: Array
    ids: tuple[str, ...] | None = None
    instead: str | None = None


def is_label_file(name: str) -> bool:
    """Whether a setting has the name of a file that may hold labels."""
    return Path(name).suffix.lower() in (*_TABLES, ".npy")


def find_row_labels(name: str | None, beside: Path | None = None) -> RowLabels | None:
    """Read labels by row, if a setting names a file of them.

    Parameters
    ----------
    name : str or None
        ``data.labels``: anything.
    beside : Path, optional
        The source, beside which the file may stand.

    Returns
    -------
    RowLabels or None
        None where it names something else.

    Raises
    ------
    DataError
        If the file is damaged, names a row twice, or names none.
    """
    if name is None or not is_label_file(name):
        return None
    place = Path(name).expanduser()
    places = [place] if beside is None else [place, beside / place, beside.parent / place]
    file = next((one for one in places if one.is_file()), None)
    if file is None:
        return None
    labels = _of_array(file) if file.suffix.lower() == ".npy" else _of_table(file)
    if labels is not None and not len(labels.rows):
        raise DataError(f"{file} gives no example a label", expected="one at least")
    return labels


def reading_config(config: DataConfig, labels: RowLabels) -> DataConfig:
    """Return the settings that the source was read with when its rows got labels."""
    return config.model_copy(update={"labels": labels.instead})


def label_rows(contents: Contents, labels: RowLabels, origin: str) -> Contents:
    """Give examples their labels, and leave out all that have none.

    An official training or test part in which none is left counts no more: the examples that are
    left are divided at random.

    Parameters
    ----------
    contents : Contents
        All examples.
    labels : RowLabels
        Those of some of them.
    origin : str
        Where the examples come from, for messages.

    Raises
    ------
    DataError
        While batches are read: if there is no such row, or it is another file than it was.
    """
    n_train, n_validation = _official(contents, labels.rows)
    seen = _Seen()

    def unlabelled() -> tuple[LeftOut, ...]:
        count, reason = seen.rows - len(labels.rows), f"no label in {labels.file.name}"
        return (LeftOut("example", (), count, reason),) if count else ()

    return replace(
        contents,
        batches=_labelled(contents.batches, labels, origin, seen),
        count=len(labels.rows),
        label_names=(),
        n_official_train=n_train,
        n_official_validation=n_validation,
        left_out_at_end=unlabelled,
        regions=(),
        encoded=None,
        read=None,
        beside=(*contents.beside, labels.file),
    )


@dataclass
class _Seen:
    """How many rows of a source have been read."""

    rows: int = 0


def _official(contents: Contents, rows: NDArray[np.int64]) -> tuple[int | None, int]:
    """Return how many of the rows are in the official training and validation part."""
    if contents.n_official_train is None:
        return None, 0
    ends = np.cumsum([contents.n_official_train, contents.n_official_validation])
    n_train, n_both = (int(n) for n in np.searchsorted(rows, ends))
    if not n_train or n_both == len(rows):
        return None, 0
    return n_train, n_both - n_train


def _labelled(
    batches: Iterator[Examples], labels: RowLabels, origin: str, seen: _Seen
) -> Iterator[Examples]:
    done = 0
    for batch in batches:
        first, seen.rows = seen.rows, seen.rows + len(batch.values)
        stop = int(np.searchsorted(labels.rows, seen.rows))
        if stop > done:
            places = labels.rows[done:stop] - first
            _check_ids(batch, places, labels, done, origin)
            texts = labels.labels[done:stop]
            yield Examples(batch.values[places], texts, _metadata(batch, places, texts))
        done = stop
    if done < len(labels.rows):
        raise DataError(
            f"{labels.file} gives row {labels.rows[-1]:,} a label, and {origin} has "
            f"{seen.rows:,} rows",
            expected="rows of these data, counted from 0",
        )


def _metadata(batch: Examples, places: Array, texts: Array) -> "Callable[[], pa.Table]":
    """Return a function that makes what is known of labelled examples."""
    return partial(label_table, texts, **_ids_of(batch, places))


def _ids_of(batch: Examples, places: Array) -> dict[str, list[str]]:
    table = None if batch.metadata is None else batch.metadata()
    if table is None or "id" not in table.column_names:
        return {}
    ids = table.column("id").to_pylist()
    return {"id": [ids[place] for place in places]}


def _check_ids(batch: Examples, places: Array, labels: RowLabels, done: int, origin: str) -> None:
    """Refuse labels of files that are not where they were among the others."""
    if labels.ids is None:
        return
    for place, (ours, theirs) in enumerate(
        zip(_ids_of(batch, places).get("id", []), labels.ids[done:], strict=False)
    ):
        if ours != theirs:
            raise DataError(
                f"Row {labels.rows[done + place]:,} of {origin} is {ours}, and {labels.file} "
                f"calls it {theirs}",
                expected="the files that were there when the labels were given",
                fix="Put them back, or give the labels anew.",
            )


def _of_array(file: Path) -> RowLabels | None:
    """Read a text for each example; None of a file in which none is empty, or of other arrays."""
    try:
        texts = load_arrays(file)[""]
    except DataError:
        return None  # Its reader says what is wrong with it.
    if texts.ndim != 1 or texts.dtype.kind != "U" or bool((texts != "").all()):
        return None
    rows = np.flatnonzero(texts != "")
    return RowLabels(file, rows, texts[rows])


def _of_table(file: Path) -> RowLabels | None:
    """Read a table that has the columns row and label; None of other tables."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None  # The reader of other tables says what is wrong with it.
    separator = max(",;\t", key=lines[0].count) if lines else ","
    header, *rows = [*csv.reader(lines, delimiter=separator)] or [[]]
    names = [name.strip() for name in header]
    if not {"row", "label"} <= {*names}:
        return None
    cells = [dict(zip(names, map(str.strip, row), strict=False)) for row in rows if any(row)]
    given = {_row(one.get("row", ""), file): one for one in cells if one.get("label")}
    if len(given) < sum(bool(one.get("label")) for one in cells):
        raise DataError(f"{file} gives a row two labels", expected="one label for a row")
    order = sorted(given)
    of_source = [name.removeprefix(INSTEAD) for name in names if name.startswith(INSTEAD)]
    ids = tuple(given[row].get("id", "") for row in order) if "id" in names else None
    return RowLabels(
        file=file,
        rows=np.array(order, np.int64),
        labels=np.array([_plain(given[row]["label"]) for row in order], str),
        ids=ids,
        instead=of_source[0] if of_source else None,
    )


def _row(text: str, file: Path) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise DataError(f"{file} has the row {text!r}", expected="a whole number from 0 on")
    return int(text)


def _plain(text: str) -> str:
    """Return a label without the apostrophe that keeps spreadsheets from running it."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text
