"""Archives of arrays in .npz files."""

from collections.abc import Mapping
from pathlib import Path

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, unknown
from latentscape.core.records import Array
from latentscape.data.arrays import load_arrays
from latentscape.data.contents import Contents, Examples, from_arrays
from latentscape.data.formats.npy import find_label_file

_OFFICIAL_SPLITS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("X_train", "y_train", "X_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
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

    It holds ``x_train``, ``y_train``, ``x_test`` and ``y_test`` (an official split); or ``images``
    and ``labels``, ``X`` and ``y``, ``x`` and ``y``, ``data`` and ``target``; or one array.
    ``config.labels`` may name an array in the archive or a .npy file.
    """
    arrays = load_arrays(path)
    for train, train_labels, test, test_labels in _OFFICIAL_SPLITS:
        if train in arrays and test in arrays and config.labels is None:
            parts = (
                Examples(arrays[train], arrays.get(train_labels)),
                Examples(arrays[test], arrays.get(test_labels)),
            )
            return from_arrays(parts, str(path), size)
    values, labels = _pair(arrays, path)
    if config.labels is None:
        examples = Examples(arrays[values], arrays.get(labels))
    else:
        examples = Examples(arrays[values], _named_labels(arrays, path, config.labels))
    return from_arrays([examples], str(path), size)


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
