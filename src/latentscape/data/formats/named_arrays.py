"""Arrays by name: which are examples, which are labels, and which part each belongs to.

The same for all files that hold arrays: NumPy's, HDF5, Zarr, MATLAB's, PyTorch's, safetensors.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, unknown
from latentscape.core.records import PARTS, Array, LeftOut
from latentscape.data.arrays import load_arrays
from latentscape.data.contents import Contents, Examples, from_arrays
from latentscape.data.formats.npy import find_label_file
from latentscape.data.formats.parts import other_words, part_of_file, tests_on_validation
from latentscape.data.labels import NO_LABELS
from latentscape.data.limits import check_data_memory

_VALUES = ("images", "image", "imgs", "img", "x", "data", "features", "inputs", "samples")
_LABELS = ("labels", "label", "y", "target", "targets", "classes", "class")
"""What arrays of values and of labels are called beside the name of the part; the first counts."""

MAX_ARRAYS = 9
"""Arrays that are named where they are not used, at most."""

_Pair = tuple[str, str | None]
"""The names of values and of their labels, if there are such."""


class Stored(Protocol):
    """An array of which slices are read when they are asked for; an array in memory is one too."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array in NumPy."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of an array in NumPy."""

    def __getitem__(self, rows: slice, /) -> Array:
        """Read the examples of these rows."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Examples of a stored array, which are read batch by batch as far as memory allows."""

    stored: Stored
    what: str

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array in NumPy."""
        return tuple(int(size) for size in self.stored.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Array:
        count = len(range(*rows.indices(len(self))))
        n_bytes = count * math.prod(self.shape[1:]) * max(self.stored.dtype.itemsize, 1)
        check_data_memory(f"{count:,} examples of {self.what}", n_bytes)
        return np.asarray(self.stored[rows])


def contents_of_arrays(
    arrays: Mapping[str, Stored], path: Path, config: DataConfig, size: int
) -> Contents:
    """Return named arrays as contents.

    Parameters
    ----------
    arrays : mapping of str to Stored
        All arrays of a file. A name may have folders: ``train/images``.
    path : Path
        The file, for messages; and a file of labels may stand beside it.
    config, size
        As for a `Reader`. ``config.labels`` names an array of labels, or a .npy file.

    Returns
    -------
    Contents
        Of the parts for training, validation and test if names say so (``x_train`` and ``x_test``,
        ``train_images``, ``test/data``); otherwise of the array that is called as examples are
        (``images``, ``X``, ``data``), or of the only one. The other arrays are left out, and named.

    Raises
    ------
    DataError
        If no array is called as examples are and there are several, or labels do not fit.
    """
    is_named = config.labels not in (None, NO_LABELS)
    labels = _named_labels(arrays, path, str(config.labels)) if is_named else None
    pairs = [] if is_named else _find_parts(arrays, path)
    pairs = pairs or [_find_pair(arrays, config.labels, path)]
    parts = []
    for name, label_name in pairs:
        own = arrays.get(label_name) if label_name and config.labels is None else None
        column = labels if own is None else np.asarray(own[:])
        what = f"{name} in {path}" if name else str(path)
        parts.append(Examples(cast(Array, Rows(arrays[name], what)), column))
    used = {name for pair in pairs for name in pair} | {config.labels}
    contents = from_arrays(parts, str(path), size)
    return replace(
        contents,
        left_out=(*contents.left_out, *_left_out(arrays, used)),
        tests_on_validation=tests_on_validation(str(part_of_file(name)) for name, _ in pairs),
    )


def is_called_labels(name: str) -> bool:
    """Tell whether an array is called as labels are."""
    return _kind(name) in _LABELS


def _left_out(arrays: Mapping[str, Stored], used: set[str | None]) -> tuple[LeftOut, ...]:
    others = [name for name in arrays if name not in used]
    return LeftOut.of("array", others, "not among the arrays that were looked for", MAX_ARRAYS)


def _find_parts(arrays: Mapping[str, Stored], path: Path) -> list[_Pair]:
    """Return the names of values and labels of each part, if there is more than a training part."""
    values = {part: _named(arrays, part, _VALUES, path) for part in PARTS}
    if not values["train"] or not (values["validation"] or values["test"]):
        return []
    return [(name, _named(arrays, part, _LABELS, path)) for part, name in values.items() if name]


def _find_pair(arrays: Mapping[str, Stored], label: str | None, path: Path) -> _Pair:
    """Return the names of the values and of the labels, of which the latter may not exist."""
    others = {name: array for name, array in arrays.items() if name != label and array.shape}
    if len(others) == 1:
        return next(iter(others)), None
    for part in (None, "train"):
        values = _named(others, part, _VALUES, path)
        labels = _named(others, part, _LABELS, path)
        unknown_names = [name for name in others if name != labels]
        if values is None and labels and len(unknown_names) == 1:
            values = unknown_names[0]
        if values is not None:
            return values, labels
    raise _several(arrays, path)


def _named(
    arrays: Mapping[str, Stored], part: str | None, kinds: Sequence[str], path: Path
) -> str | None:
    """Return the array of a part that is called as one of its kind is, by the first such word."""
    by_kind: dict[str, list[str]] = {}
    for name, array in arrays.items():
        if array.shape and part_of_file(name) == part:
            by_kind.setdefault(_kind(name), []).append(name)
    if kinds is _VALUES and part:
        kinds = (*kinds, "")  # Only the part is named.
    names = next((by_kind[kind] for kind in kinds if kind in by_kind), [])
    if len(names) > 1:
        raise _several(arrays, path)
    return names[0] if names else None


def _kind(name: str) -> str:
    """Return what the name of an array calls it, beside its part; its last folder counts most."""
    if re.search(r"\d", name):
        return name  # One of several.
    words = other_words(name.rpartition("/")[2]) or other_words(name)
    return " ".join(words)


def _named_labels(arrays: Mapping[str, Stored], path: Path, name: str) -> Array:
    if name in arrays:
        return np.asarray(arrays[name][:])
    if not name.endswith(".npy"):
        raise unknown(f"array in {path}", name, arrays, DataError)
    return load_arrays(find_label_file(path, name))[""]


def _several(arrays: Mapping[str, Stored], path: Path) -> DataError:
    names = [f"{name} {tuple(array.shape)}" for name, array in sorted(arrays.items())]
    more = f" and {len(names) - 9} more" if len(names) > 9 else ""
    return DataError(
        f"{path} holds the arrays {', '.join(names[:9]) or '(none)'}{more}",
        expected="x_train, y_train, x_test and y_test; images and labels; X and y; "
        "data and target; or one array",
        fix="Save the examples alone, or under one of these names." if names else "",
    )
