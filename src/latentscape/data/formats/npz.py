"""Archives of arrays in .npz files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, unknown
from latentscape.core.records import Array, LeftOut
from latentscape.data.arrays import load_arrays
from latentscape.data.contents import Contents, Examples, from_arrays
from latentscape.data.formats.npy import find_label_file

_OFFICIAL_SPLITS = (
    ("x_train", "y_train", "x_{}", "y_{}"),
    ("X_train", "y_train", "X_{}", "y_{}"),
    ("train_images", "train_labels", "{}_images", "{}_labels"),  # as in MedMNIST
)
"""The names of training values and labels, and those of another part."""

_VALIDATION = ("val", "valid", "validation")

_PAIRS = (
    ("images", "labels"),
    ("X", "y"),
    ("x", "y"),
    ("data", "target"),
    ("data", "labels"),
    *(names[:2] for names in _OFFICIAL_SPLITS),
)


def read_npz(path: Path, config: DataConfig, size: int) -> Contents:
    """Read an archive of arrays; see `Reader`.

    It holds ``x_train``, ``y_train``, ``x_test`` and ``y_test`` (an official split), perhaps with
    ``x_val`` and ``y_val``; or the same as ``train_images``, ``train_labels``, ...; or ``images``
    and ``labels``, ``X`` and ``y``, ``x`` and ``y``, ``data`` and ``target``; or one array.
    ``config.labels`` may name an array in the archive or a .npy file.
    """
    return read_archive(load_arrays(path), path, config, size)


def read_archive(
    arrays: Mapping[str, Array], path: Path, config: DataConfig, size: int
) -> Contents:
    """Return named arrays as contents, as `read_npz` does.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        All arrays of a file.
    path : Path
        The file, for messages; and a file of labels may stand beside it.
    config, size
        As for a `Reader`.
    """
    names = [] if config.labels is not None else _official_split(arrays)
    if not names:
        names = [_pair(arrays, path)]
    labels = None if config.labels is None else _named_labels(arrays, path, config.labels)
    parts = [
        Examples(arrays[values], arrays.get(own) if labels is None else labels)
        for values, own in names
    ]
    used = {name for pair in names for name in pair} | {config.labels}
    others = tuple(name for name in arrays if name not in used)
    unused = LeftOut("array", others, len(others), "not among the arrays that were looked for")
    contents = from_arrays(parts, str(path), size)
    return replace(contents, left_out=(*contents.left_out, *([unused] if others else [])))


def _official_split(arrays: Mapping[str, Array]) -> list[tuple[str, str]]:
    """Return the names of values and labels of each part, if training and test part are there."""
    for train, train_labels, values, labels in _OFFICIAL_SPLITS:
        if train in arrays and values.format("test") in arrays:
            validation = [
                (values.format(name), labels.format(name))
                for name in _VALIDATION
                if values.format(name) in arrays
            ]
            test = (values.format("test"), labels.format("test"))
            return [(train, train_labels), *validation[:1], test]
    return []


def _pair(arrays: Mapping[str, Array], path: Path) -> tuple[str, str]:
    """Return the names of the values and of the labels, of which the latter may not exist."""
    if len(arrays) == 1:
        return next(iter(arrays)), ""
    for values, labels in _PAIRS:
        if values in arrays:
            return values, labels
    raise DataError(
        f"{path} holds the arrays {', '.join(sorted(arrays)) or '(none)'}",
        expected="x_train, y_train, x_test and y_test; images and labels; X and y; "
        "data and target; or one array",
    )


def _named_labels(arrays: Mapping[str, Array], path: Path, name: str) -> Array:
    if name in arrays:
        return arrays[name]
    if not name.endswith(".npy"):
        raise unknown(f"array in {path}", name, arrays, DataError)
    return load_arrays(find_label_file(path, name))[""]
