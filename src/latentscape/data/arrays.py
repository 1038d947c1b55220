"""NumPy's .npy and .npz files; pickled objects are never loaded."""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, unknown
from latentscape.core.records import Array
from latentscape.data.raw import Raw, join_parts, labelled

_OFFICIAL = (
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
    *(names[:2] for names in _OFFICIAL),
)
# All that NumPy and the zip and zlib modules raise over damaged files.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    SyntaxError,
    TypeError,
    MemoryError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npy(path: Path, config: DataConfig) -> Raw:
    """Read an array of examples.

    Parameters
    ----------
    path : Path
        Holds (N, D), (N, H, W), (N, C, H, W) or (N, H, W, C).
    config : DataConfig
        ``labels`` may name a .npy file of N labels, here or beside `path`.

    Raises
    ------
    DataError
        If a file is damaged, pickled or missing.
    """
    values = load_arrays(path)[""]
    return Raw(values, None if config.labels is None else _label_array(path, config.labels))


def stream_npy(path: Path, config: DataConfig, size: int) -> tuple[int, Iterator[Raw]]:
    """Read an array bit by bit, as `read_npy` reads it whole.

    Parameters
    ----------
    path, config
        As for `read_npy`.
    size : int
        Examples at most at a time.

    Returns
    -------
    int
        How many examples there are.
    iterator of Raw
        The examples, with their labels where a file of them is named.

    Raises
    ------
    DataError
        As for `read_npy`; and if there are not as many labels as examples.
    """
    labels = None if config.labels is None else _label_file(path, config.labels)
    count = len(_mapped(path))
    if labels is not None and _mapped(labels).shape not in ((count,), (count, 1)):
        raise DataError(
            f"{labels} holds an array of shape {_mapped(labels).shape}",
            expected=f"a label for each of the {count} examples in {path}",
        )
    return count, _stream(path, labels, count, size)


def _stream(path: Path, labels: Path | None, count: int, size: int) -> Iterator[Raw]:
    for start in range(0, count, size):
        some = slice(start, start + size)
        # Mapped anew each time: what has been read of a mapped file counts as memory in use.
        values = np.array(_mapped(path)[some])
        if labels is None:
            yield Raw(values)
        else:
            named = np.array(_mapped(labels)[some]).reshape(-1)
            yield Raw(values, named, along=labelled(named))


def read_npz(path: Path, config: DataConfig) -> Raw:
    """Read an archive of arrays.

    Parameters
    ----------
    path : Path
        Holds ``x_train``, ``y_train``, ``x_test`` and ``y_test`` (an official split); or ``images``
        and ``labels``, ``X`` and ``y``, ``x`` and ``y``, ``data`` and ``target``; or one array.
    config : DataConfig
        ``labels`` may name an array in the archive or a .npy file.

    Raises
    ------
    DataError
        If the file is damaged or pickled, or holds none of these.
    """
    arrays = load_arrays(path)
    for train, train_labels, test, test_labels in _OFFICIAL:
        if train in arrays and test in arrays and config.labels is None:
            parts = (
                Raw(arrays[train], arrays.get(train_labels)),
                Raw(arrays[test], arrays.get(test_labels)),
            )
            return join_parts(*parts, str(path))
    values, labels = _pair(arrays, path)
    if config.labels is None:
        return Raw(arrays[values], arrays.get(labels))
    if config.labels in arrays:
        return Raw(arrays[values], arrays[config.labels])
    if not config.labels.endswith(".npy"):
        raise unknown(f"array in {path}", config.labels, arrays, DataError)
    return Raw(arrays[values], _label_array(path, config.labels))


def load_arrays(path: Path) -> dict[str, Array]:
    """Read all arrays of a file.

    Parameters
    ----------
    path : Path
        A .npy or .npz file.

    Returns
    -------
    dict of str to ndarray
        The arrays of a .npz file by name, or that of a .npy file under the name ''.

    Raises
    ------
    DataError
        If the file is damaged, pickled or missing.
    """
    try:
        with path.open("rb") as file:
            # Without pickling, np.load returns nothing but an array or an archive of arrays.
            loaded: Any = np.load(file, allow_pickle=False)
            arrays = (
                {"": loaded}
                if isinstance(loaded, np.ndarray)
                else {name: loaded[name] for name in loaded.files}
            )
    except _DAMAGE as error:
        raise _refusal(path, error) from error
    if (path.suffix.lower() == ".npy") != ("" in arrays):
        raise _misnamed(path)
    return {
        name: np.atleast_1d(array)
        for name, array in arrays.items()
        if isinstance(array, np.ndarray)
    }


def _mapped(path: Path) -> Array:
    """Open an array without reading it."""
    try:
        loaded: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGE as error:
        raise _refusal(path, error) from error
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise _misnamed(path)
    return np.atleast_1d(loaded)


def _misnamed(path: Path) -> DataError:
    return DataError(
        f"{path} is not what its name says", expected="an array in .npy, an archive in .npz"
    )


def _pair(arrays: Mapping[str, Array], path: Path) -> tuple[str, str]:
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


def _label_array(path: Path, labels: str) -> Array:
    return load_arrays(_label_file(path, labels))[""]


def _label_file(path: Path, labels: str) -> Path:
    given = Path(labels).expanduser()
    file = given if given.is_file() else path.parent / given
    if not file.is_file():
        raise DataError(
            f"There is no file {labels}, here or beside {path}",
            expected=f"a .npy file with a label for each example of {path.name}",
        )
    return file


def _refusal(path: Path, error: BaseException) -> DataError:
    if "pickle" in str(error) or "Python objects" in str(error):
        return DataError(
            f"{path} holds pickled objects, which can run any program, or is no NumPy file",
            expected="plain numeric arrays",
            fix="Save it again as numbers: np.save(path, array.astype('float32')).",
        )
    return DataError(
        f"{path} cannot be read as a NumPy file: {str(error) or type(error).__name__}",
        expected="a whole .npy or .npz file",
    )
