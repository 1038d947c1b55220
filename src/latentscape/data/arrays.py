"""NumPy's .npy and .npz files as arrays; pickled objects are never loaded."""

import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.limits import check_data_memory
from latentscape.data.streamed import Streamed

# All that NumPy and the zip and zlib modules raise over damaged files.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    SyntaxError,
    TypeError,
    MemoryError,
    OverflowError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


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
    with _in_words(path), path.open("rb") as file:
        _check_unpacked_size(file, path)
        # Without pickling, np.load returns nothing but an array or an archive of arrays.
        loaded: Any = np.load(file, allow_pickle=False)
        arrays = (
            {"": loaded}
            if isinstance(loaded, np.ndarray)
            else {name: loaded[name] for name in loaded.files}
        )
    if (path.suffix.lower() == ".npy") != ("" in arrays):
        raise _misnamed(path)
    return {
        name: np.atleast_1d(array)
        for name, array in arrays.items()
        if isinstance(array, np.ndarray)
    }


def open_arrays(path: Path) -> dict[str, Array | Streamed]:
    """Open the arrays of a .npz file by name; they are read when rows of them are asked for.

    Raises
    ------
    DataError
        As for `load_arrays`, also while they are read.
    """
    if not zipfile.is_zipfile(path):
        return dict(load_arrays(path))
    with _in_words(path), zipfile.ZipFile(path) as archive:
        members = [item for item in archive.infolist() if item.filename.endswith(".npy")]
        return {item.filename.removesuffix(".npy"): _open(archive, item, path) for item in members}


def _open(archive: zipfile.ZipFile, item: zipfile.ZipInfo, path: Path) -> Array | Streamed:
    """Open an array of an archive; read what is not stored row by row."""
    with archive.open(item) as file:
        version = np.lib.format.read_magic(file)
        read_header = _HEADERS.get(version)
        if read_header is not None:
            shape, is_fortran, dtype = read_header(file)
            start = file.tell()
            if shape and not (is_fortran or dtype.hasobject):
                n_bytes = math.prod(shape) * dtype.itemsize
                if min(shape) < 0 or start + n_bytes != item.file_size:
                    raise ValueError(f"{item.filename} is not as large as it declares")
                begin = partial(_begin, path, item.filename, start)
                what = f"{item.filename} in {path}"
                return Streamed(begin, shape, dtype, what, _DAMAGE, partial(_unreadable, path))
    check_data_memory(f"What {path} holds", item.file_size)
    with archive.open(item) as file:
        return np.atleast_1d(np.lib.format.read_array(file, allow_pickle=False))


def _begin(path: Path, name: str, start: int) -> BinaryIO:
    """Open an array of an archive at its first value."""
    file = zipfile.ZipFile(path).open(name)
    file.read(start)
    return cast(BinaryIO, file)


_HEADERS: dict[tuple[int, int], Callable[[Any], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def map_array(path: Path) -> Array:
    """Map the array of a .npy file into memory, so that only what is used of it is read.

    Raises
    ------
    DataError
        As for `load_arrays`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # sizes too large, refused below
            loaded: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise _misnamed(path)
    return np.atleast_1d(loaded)


def _check_unpacked_size(file: BinaryIO, path: Path) -> None:
    """Refuse an archive whose arrays do not fit into memory; zipfile reads no more than it says."""
    if zipfile.is_zipfile(file):
        file.seek(0)
        n_bytes = sum(member.file_size for member in zipfile.ZipFile(file).infolist())
        check_data_memory(f"What {path} holds", n_bytes)
    file.seek(0)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:  # A ValueError too, but already in words.
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _misnamed(path: Path) -> DataError:
    return DataError(
        f"{path} is not what its name says", expected="an array in .npy, an archive in .npz"
    )


def _unreadable(path: Path, error: BaseException) -> DataError:
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
