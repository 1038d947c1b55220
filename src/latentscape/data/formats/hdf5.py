"""HDF5 files (extra ``hdf5``)."""

import mmap
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.extras import require
from latentscape.core.records import Array, LeftOut
from latentscape.data.contents import Contents, Examples
from latentscape.data.damage import refusing_damage
from latentscape.data.formats.named_arrays import MAX_ARRAYS, Stored, contents_of_arrays
from latentscape.data.text import readable

if TYPE_CHECKING:
    import h5py

_HEAP = b"GCOL\1\0\0\0"
_OBJECT = struct.Struct("<H6xQ")
"""Of a text in a heap: its number, which is 0 for free space, and its length."""

# All that h5py raises over damaged files.
_DAMAGE = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
)


@dataclass(frozen=True, eq=False)
class Texts:
    """An array of texts in an HDF5 file."""

    dataset: Any
    dtype = np.dtype(object)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array in NumPy."""
        return tuple(self.dataset.shape)

    def __getitem__(self, rows: slice) -> Array:
        texts = np.empty(len(range(*rows.indices(self.shape[0]))), object)
        texts[:] = [readable(text) for text in self.dataset[rows]]
        return texts


def read_hdf5(path: Path, config: DataConfig, size: int) -> Contents:
    """Read the arrays of an HDF5 file, as `contents_of_arrays` finds them; see `Reader`.

    Arrays that are stored in other files are left out, and named.
    """
    with open_hdf5(path) as file:
        datasets = _datasets(file)
        elsewhere = [name for name, dataset in datasets.items() if _is_elsewhere(dataset)]
        arrays = {name: stored(datasets[name]) for name in datasets if name not in elsewhere}
        contents = contents_of_arrays(arrays, path, config, size)
    unused = LeftOut.of("array", elsewhere, "its values are in another file", MAX_ARRAYS)
    left_out = (*contents.left_out, *unused)
    return replace(contents, batches=guarded(contents.batches, path), left_out=left_out)


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open an HDF5 file; it is closed when nothing that came from it is used any more.

    Raises
    ------
    DataError
        If it is damaged: while it is open, too.
    ConfigError
        If h5py is not installed.
    """
    h5py = require("h5py", "hdf5", f"Reading {path}")
    with _whole(path):
        _check_heaps(path)
        yield h5py.File(path, "r")


def guarded(batches: Iterator[Examples], path: Path) -> Iterator[Examples]:
    """Yield batches of an HDF5 file; what is damaged in it is a DataError."""
    with _whole(path):
        yield from batches


def stored(dataset: Any) -> Stored:
    """Return a dataset of h5py as an array, whose texts are read as such."""
    import h5py

    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    array: Stored = Texts(dataset) if is_text and dataset.shape else dataset
    return array


def _whole(path: Path) -> AbstractContextManager[None]:
    return refusing_damage(path, "HDF5", _DAMAGE, "a whole HDF5 file")


def _check_heaps(path: Path) -> None:
    """Refuse damaged heaps of texts: HDF5 would look for the end of some of them for ever.

    https://docs.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html describes them.
    """
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        start = content.find(_HEAP)
        while start >= 0:
            (size,) = struct.unpack_from("<Q", content, start + len(_HEAP))
            place, end = start + 16, min(start + size, len(content))
            while place + _OBJECT.size <= end:
                index, length = _OBJECT.unpack_from(content, place)
                step = _OBJECT.size + -(-length // 8) * 8 if index else length
                if not 0 < step <= size:
                    raise ValueError("a heap of texts is damaged")
                place += step
            start = content.find(_HEAP, start + len(_HEAP))


def _datasets(file: Any) -> dict[str, "h5py.Dataset"]:
    """List the datasets in all groups by their paths; links to other files are not followed."""
    import h5py

    datasets: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            datasets[readable(name)] = item

    file.visititems(visit)
    return datasets


def _is_elsewhere(dataset: Any) -> bool:
    return bool(dataset.external or dataset.is_virtual)
