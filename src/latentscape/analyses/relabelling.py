"""Other labels for the examples of a run: codes of those that have one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import PARTS, Array, Codes
from latentscape.data import RowLabels, find_row_labels, load_arrays
from latentscape.data.labels import check_label_count, encode_labels
from latentscape.runs import OpenRun


def labels_of_run(opened: OpenRun, labels: str | Path | Array) -> RowLabels:
    """Read labels of examples of a run.

    Parameters
    ----------
    opened : OpenRun
        The run.
    labels : str, Path or ndarray
        A file of labels by row, as ``latentscape labels`` writes it; a .npy file; or an array (N,).
        Empty texts are no labels.

    Raises
    ------
    DataError
        If there is no such file, or it does not belong to the data of the run.
    """
    data, count = opened.findings.data, len(opened.split.dataset)
    origin = Path(data.origin) if data.origin else None
    by_row = None if isinstance(labels, np.ndarray) else find_row_labels(str(labels), origin)
    if by_row is None:
        return _of_array(labels, count, data.name)
    before = find_row_labels(opened.recipe.data.labels, origin)
    if before is not None:  # The run knows those rows of its source alone that had a label.
        known = np.isin(by_row.rows, before.rows)
        rows = np.searchsorted(before.rows, by_row.rows[known])
        return replace(by_row, rows=rows, labels=by_row.labels[known], ids=None)
    if by_row.rows[-1] >= count:
        raise DataError(
            f"{by_row.file} gives row {by_row.rows[-1]:,} a label",
            expected=f"rows of {data.name}, from 0 to {count - 1:,}",
        )
    return by_row


def relabelled(rows: Sequence[Codes], labels: RowLabels) -> tuple[Codes, ...]:
    """Return codes of the examples that have a label, divided into parts as they were.

    Raises
    ------
    DataError
        If no example to train on or none to test on has one.
    """
    split, origin = rows[0].split, str(labels.file)
    indices, names = encode_labels(labels.labels, origin)
    of_all = np.full(len(split.dataset), -1, np.int64)
    of_all[labels.rows] = indices
    kept = {part: of_all[getattr(split, part)] >= 0 for part in PARTS}
    for part in ("train", "test"):
        if not kept[part].any():
            raise DataError(
                f"{origin} gives none of the {part} examples a label",
                expected="labels of some examples to train on, and of some to test on",
            )
    dataset = replace(split.dataset, labels=of_all, label_names=names)
    parts = {part: getattr(split, part)[mask] for part, mask in kept.items()}
    labelled = replace(split, dataset=dataset, **parts)
    return tuple(
        replace(row, split=labelled, **{part: row.part(part)[mask] for part, mask in kept.items()})
        for row in rows
    )


def _of_array(labels: str | Path | Array, count: int, data: str) -> RowLabels:
    """Take a label for each example, of which empty texts are none."""
    if isinstance(labels, np.ndarray):
        values, name = labels, "labels"
    else:
        values, name = _load(Path(labels)), str(labels)
    check_label_count(values, count, data)
    is_text = values.ndim == 1 and values.dtype.kind == "U"
    rows = np.flatnonzero(values != "") if is_text else np.arange(count)
    return RowLabels(Path(name), rows, values[rows])


def _load(file: Path) -> Array:
    if file.suffix != ".npy":
        raise DataError(
            f"{file} holds no labels by row",
            expected="a table with the columns row and label, or a .npy file",
        )
    return load_arrays(file)[""]
