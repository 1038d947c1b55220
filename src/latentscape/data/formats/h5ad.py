"""AnnData's .h5ad, the format of single cells: a matrix in HDF5, dense or sparse (extra ``hdf5``).

https://anndata.readthedocs.io/en/stable/fileformat-prose.html describes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, unknown
from latentscape.core.records import Array, LeftOut
from latentscape.data.contents import Contents
from latentscape.data.formats.columns import LABEL_NAMES
from latentscape.data.formats.hdf5 import guarded, open_hdf5, stored
from latentscape.data.formats.named_arrays import MAX_ARRAYS, Stored, contents_of_arrays
from latentscape.data.labels import NO_LABELS
from latentscape.data.limits import check_data_memory


@dataclass(frozen=True, eq=False)
class _SparseRows:
    """A sparse matrix in rows (CSR), which become dense when they are read."""

    group: Any
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.group["data"].dtype
        return dtype

    def __getitem__(self, rows: slice) -> Array:
        from scipy.sparse import csr_array

        start, stop, _ = rows.indices(self.shape[0])
        pointers = self.group["indptr"][start : stop + 1]
        first, last = int(pointers[0]), int(pointers[-1])
        values, columns = self.group["data"][first:last], self.group["indices"][first:last]
        shape = (stop - start, self.shape[1])
        matrix = csr_array((values, columns, pointers - first), shape=shape)
        matrix.check_format(full_check=True)  # a damaged index would be written to wrong places
        return np.asarray(matrix.toarray())


def read_h5ad(path: Path, config: DataConfig, size: int) -> Contents:
    """Read the matrix X of a file of AnnData; see `Reader`.

    ``config.labels`` names a column of ``obs``; by default one that is called as labels are.
    """
    with open_hdf5(path) as file:
        if "X" not in file:
            raise DataError(f"{path} holds no matrix X", expected="a file of AnnData")
        columns = _columns(file)
        label = _label(columns, config.labels, path)
        arrays: dict[str, Stored] = {"X": _matrix(file["X"], path)}
        if label is not None:
            arrays["labels"] = _column(file["obs"][label])
        contents = contents_of_arrays(
            arrays, path, config.model_copy(update={"labels": None}), size
        )
        left_out = _left_out(file, [name for name in columns if name != label])
    return replace(contents, batches=guarded(contents.batches, path), left_out=left_out)


def _matrix(item: Any, path: Path) -> Stored:
    if hasattr(item, "dtype"):
        return stored(item)
    kind = str(item.attrs.get("encoding-type", ""))
    shape = tuple(int(size) for size in item.attrs["shape"])
    if kind == "csr_matrix":
        return _SparseRows(item, shape)
    if kind != "csc_matrix":
        raise DataError(f"X in {path} is of kind {kind!r}", expected="a dense or sparse matrix")
    from scipy.sparse import csc_array

    check_data_memory(f"The sparse matrix of {path}", 12 * item["data"].shape[0])
    parts = (item["data"][:], item["indices"][:], item["indptr"][:])
    matrix = csc_array(parts, shape=shape)
    matrix.check_format(full_check=True)
    return _InMemory(matrix.tocsr(), shape)


@dataclass(frozen=True, eq=False)
class _InMemory:
    """A sparse matrix in memory, whose rows become dense when they are read."""

    matrix: Any
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.matrix.dtype
        return dtype

    def __getitem__(self, rows: slice) -> Array:
        return np.asarray(self.matrix[rows].toarray())


def _columns(file: Any) -> list[str]:
    """Return the columns of ``obs``, but not the names of its rows."""
    if "obs" not in file:
        return []
    index = str(file["obs"].attrs.get("_index", "_index"))
    return [name for name in file["obs"] if name not in (index, "__categories")]


def _label(columns: Sequence[str], column: str | None, path: Path) -> str | None:
    if column == NO_LABELS:
        return None
    if column is None:
        return next((name for name in columns if name.lower() in LABEL_NAMES), None)
    if column not in columns:
        raise unknown(f"column of obs in {path}", column, columns, DataError)
    return column


def _column(item: Any) -> Array:
    """Read a column; one of categories holds codes, of which -1 means that none is known."""
    if hasattr(item, "dtype"):
        return np.asarray(stored(item)[:])
    names, codes = stored(item["categories"])[:], item["codes"][:]
    texts = np.empty(len(codes), object)
    texts[:] = [names[code] if code >= 0 else None for code in codes]
    return texts


def _left_out(file: Any, columns: Sequence[str]) -> tuple[LeftOut, ...]:
    others = [
        f"{group}/{name}" for group in ("layers", "obsm") if group in file for name in file[group]
    ]
    return (
        *LeftOut.of("column", columns, "not the label; --labels NAME chooses it", MAX_ARRAYS),
        *LeftOut.of("array", others, "only X is read", MAX_ARRAYS),
    )
