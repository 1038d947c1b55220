"""MATLAB's .mat files: of version 5 and 7 by SciPy, of version 7.3 by h5py (extra ``hdf5``)."""

import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.records import Array
from latentscape.data.contents import Contents
from latentscape.data.conversion import CHANNELS
from latentscape.data.damage import refusing_damage
from latentscape.data.formats.hdf5 import guarded, open_hdf5
from latentscape.data.formats.named_arrays import Stored, contents_of_arrays, is_called_labels
from latentscape.data.limits import check_data_memory

_HDF5_MAGIC = b"\x89HDF"
_HDF5_PLACES = (0, 512)  # MATLAB puts a text in front
_NUMBERS = {"double": 8, "single": 4, "logical": 1}
_NUMBERS |= {f"{sign}int{bits}": bits // 8 for sign in ("", "u") for bits in (8, 16, 32, 64)}
"""Bytes of MATLAB's types of numbers."""

_NEWER = "Save it with -v7.3, of which parts are read: files of earlier versions are read whole."

# All that SciPy raises over damaged files.
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    EOFError,
    UnboundLocalError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, eq=False)
class _Turned:
    """An array of which another axis than the first counts the examples.

    Attributes
    ----------
    array : Stored
        As it is stored.
    axes : tuple of int
        The stored axis that each of its axes is; the first one counts the examples.
    """

    array: Any
    axes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape[axis] for axis in self.axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.array.dtype
        return dtype

    def __getitem__(self, rows: slice) -> Array:
        place = [slice(None)] * len(self.axes)
        place[self.axes[0]] = rows
        return np.asarray(np.transpose(self.array[tuple(place)], self.axes))


def read_mat(path: Path, config: DataConfig, size: int) -> Contents:
    """Read the arrays of a .mat file, as `contents_of_arrays` finds them; see `Reader`.

    The examples may be counted by the last axis, as in those of SVHN.
    """
    if _is_hdf5(path):
        with open_hdf5(path) as file:
            # Stored with the axes in reverse order.
            arrays = {
                name: _Turned(file[name], tuple(range(file[name].ndim))[::-1])
                for name in file
                if hasattr(file[name], "dtype") and not name.startswith("#")
            }
            contents = contents_of_arrays(_examples_first(arrays), path, config, size)
        return replace(contents, batches=guarded(contents.batches, path))
    return contents_of_arrays(_examples_first(_load(path)), path, config, size)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(_HDF5_PLACES[-1] + len(_HDF5_MAGIC))
    return any(begin[place:].startswith(_HDF5_MAGIC) for place in _HDF5_PLACES)


def _load(path: Path) -> dict[str, Array]:
    """Load the numeric arrays of a file of version 4 to 7."""
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    line = f'python -c "import scipy.io; print(scipy.io.whosmat({str(path)!r}))"'
    with refusing_damage(
        path,
        "a file of MATLAB",
        (*_DAMAGE, MatReadError),
        "a whole .mat file with arrays of numbers",
        f"Save the arrays again, with -v7 or -v7.3. This line lists them: {line}",
    ):
        variables = whosmat(path, appendmat=False)
        sizes = {
            name: math.prod(shape) * _NUMBERS[kind]
            for name, shape, kind in variables
            if kind in _NUMBERS
        }
        if any(size < 0 for size in sizes.values()):
            raise ValueError("it declares sizes below zero")
        check_data_memory(f"What {path} holds", sum(sizes.values()), _NEWER)
        loaded = loadmat(path, appendmat=False, variable_names=list(sizes))
    return {name: loaded[name] for name in sizes if isinstance(loaded.get(name), np.ndarray)}


def _examples_first(arrays: Mapping[str, Stored]) -> dict[str, Stored]:
    """Turn arrays so that their first axis counts the examples, as that of labels does."""
    labels = {name for name in arrays if is_called_labels(name)}
    counts = {max(arrays[name].shape, default=0) for name in labels if arrays[name].shape}
    turned: dict[str, Stored] = {}
    for name, array in arrays.items():
        shape = tuple(array.shape)
        if name in labels:
            turned[name] = _column(array)
        elif _counts_last(shape, counts):
            turned[name] = _turn(array)
        else:
            turned[name] = array
    return turned


def _column(array: Any) -> Array:
    """Read labels, which MATLAB stores as a row or a column."""
    values = np.asarray(array[:])
    return values.reshape(-1) if 1 in values.shape else values


def _counts_last(shape: tuple[int, ...], counts: set[int]) -> bool:
    if len(shape) < 2:
        return False
    if counts:
        return shape[-1] in counts and shape[0] not in counts
    return len(shape) == 4 and shape[2] in CHANNELS and shape[1] not in CHANNELS


def _turn(array: Any) -> Stored:
    """Bring the last axis to the front."""
    if isinstance(array, _Turned):
        return _Turned(array.array, (array.axes[-1], *array.axes[:-1]))
    moved: Stored = np.moveaxis(array, -1, 0)
    return moved
