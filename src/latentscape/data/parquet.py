"""Parquet tables: numeric columns, a column of lists, or a column of encoded images."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.columns import choose_columns, example_shape, left_out
from latentscape.data.payload import unreadable
from latentscape.data.pictures import decode, stack
from latentscape.data.raw import Raw

if TYPE_CHECKING:
    import pyarrow as pa

_BUFFER = 1 << 20
"""Bytes of each column that a stream reads at once."""


@dataclass(frozen=True)
class _Layout:
    """Which columns hold the label and the values: images, lists or numbers, all of one kind."""

    label: int | None
    values: list[int]


def read_parquet(path: Path, config: DataConfig) -> Raw:
    """Read a Parquet table.

    Parameters
    ----------
    path : Path
        With one numeric column per value; or one column of lists (nested for images); or one
        column of PNG or JPEG images, as Hugging Face's data sets store them.
    config : DataConfig
        ``labels`` names the label column; ``resize`` is applied to encoded images.

    Raises
    ------
    DataError
        If the file is damaged, a column is missing, or values are missing or not numeric.
    """
    from pyarrow import parquet

    with _opened(path) as file:
        table = parquet.read_table(file)
    return _raw(table, _layout(table.schema, config, str(path)), config, str(path))


def stream_parquet(path: Path, config: DataConfig, size: int) -> tuple[int, Iterator[Raw]]:
    """Read a Parquet table bit by bit, as `read_parquet` reads it whole.

    Parameters
    ----------
    path, config
        As for `read_parquet`.
    size : int
        Rows at most at a time.

    Returns
    -------
    int
        How many rows there are.
    iterator of Raw
        The rows, with all columns that are no values.

    Raises
    ------
    DataError
        As for `read_parquet`.
    """
    from pyarrow import parquet

    with _opened(path) as file:
        count = parquet.read_metadata(file).num_rows
    return count, _stream(path, config, size)


def _stream(path: Path, config: DataConfig, size: int) -> Iterator[Raw]:
    import pyarrow as pa
    from pyarrow import parquet

    first = 0
    with _opened(path) as file:
        # So that no row group, let alone all of them, is held in memory.
        table = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        layout = _layout(table.schema_arrow, config, str(path))
        for batch in table.iter_batches(size):
            rows = pa.Table.from_batches([batch])
            yield replace(_raw(rows, layout, config, str(path), first), along=_along(rows, layout))
            first += len(rows)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    import pyarrow as pa

    try:
        # Opened here, so that the path is never taken for a folder, a pattern or an address.
        with path.open("rb") as file:
            yield file
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet: {error}", expected="a whole Parquet file"
        ) from error


def _layout(schema: "pa.Schema", config: DataConfig, origin: str) -> _Layout:
    label, chosen = choose_columns(schema.names, config.labels, origin)
    types = schema.types
    pictures = [index for index in chosen if _is_encoded(types[index])]
    lists = [index for index in chosen if _is_list(types[index])]
    return _Layout(label, pictures or lists or chosen)


def _raw(
    table: "pa.Table", layout: _Layout, config: DataConfig, origin: str, first: int = 0
) -> Raw:
    """Take labels and values from a table, or from its rows number `first` and following."""
    labels = None if layout.label is None else _labels(table.column(layout.label))
    names = table.column_names
    unused = left_out(names, layout.label, layout.values)
    columns = {names[index]: table.column(index) for index in layout.values}
    kind = table.schema.field(layout.values[0]).type
    if _is_encoded(kind):
        column, where = _only(columns, origin)
        images = _decoded(column, config, where, first)
        return Raw(images, labels, channels_first=True, left_out=unused)
    if _is_list(kind):
        return Raw(_unnested(*_only(columns, origin), first), labels, left_out=unused)
    flat = [_numbers(column, f"{origin}, column {n!r}", first) for n, column in columns.items()]
    values = np.stack(flat, axis=1).reshape(-1, *example_shape(list(columns), config.shape))
    return Raw(values, labels, channels_first=True, left_out=unused)


def _along(table: "pa.Table", layout: _Layout) -> "pa.Table":
    """Return all columns that are no values, and the file names that images bring with them."""
    from pyarrow import compute

    others = table.select(sorted(set(range(table.num_columns)) - set(layout.values)))
    field = table.schema.field(layout.values[0])
    if (
        _is_encoded(field.type)
        and field.type.num_fields
        and field.type.get_field_index("path") >= 0
    ):
        paths = compute.struct_field(table.column(layout.values[0]), "path")
        others = others.append_column(f"{field.name}.path", paths)
    return others


def _labels(column: "pa.ChunkedArray") -> Array:
    import pyarrow as pa

    if column.null_count or not (
        pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    ):
        labels = np.empty(len(column), object)
        labels[:] = column.to_pylist()
        return labels
    return np.asarray(column.to_numpy())


def _only(columns: "dict[str, pa.ChunkedArray]", origin: str) -> "tuple[pa.ChunkedArray, str]":
    """Return the one column there should be, and what to call it in messages."""
    if len(columns) > 1:
        raise DataError(
            f"{origin} has the columns {', '.join(columns)}",
            expected="one column of images or lists",
        )
    ((name, column),) = columns.items()
    return column, f"{origin}, column {name!r}"


def _decoded(column: "pa.ChunkedArray", config: DataConfig, origin: str, first: int) -> Array:
    import pyarrow as pa
    from pyarrow import compute

    encoded = compute.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
    _refuse_nulls(encoded, origin, first)
    names = [f"{origin}, row {first + row}" for row in range(len(encoded))]
    images = (
        decode(content.as_py(), name, config.resize)
        for content, name in zip(encoded, names, strict=True)
    )
    return stack(images, names)


def _unnested(column: "pa.ChunkedArray", origin: str, first: int) -> Array:
    """Turn N lists, or lists of lists, of equal lengths into (N, ...)."""
    from pyarrow import compute

    flat, shape = column, [len(column)]
    while _is_list(flat.type):
        _refuse_nulls(flat, origin, first, math.prod(shape[1:]))
        lengths = compute.unique(compute.list_value_length(flat)).to_pylist()
        if len(lengths) > 1:
            raise DataError(
                f"The lists in {origin} have different lengths, {lengths[0]} and {lengths[1]}",
                expected="one length",
            )
        shape.extend(lengths or [1])
        flat = compute.list_flatten(flat)
    return _numbers(flat, origin, first, math.prod(shape[1:])).reshape(shape)


def _numbers(column: "pa.ChunkedArray", origin: str, first: int, per_row: int = 1) -> Array:
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(
            f"{origin} is of type {kind}",
            expected="numbers",
            fix="Leave the column out, or name it with --labels if it holds the labels.",
        )
    _refuse_nulls(column, origin, first, per_row)
    return np.asarray(column.to_numpy())


def _refuse_nulls(column: "pa.ChunkedArray", origin: str, first: int, per_row: int = 1) -> None:
    if column.null_count:
        row = first + column.is_null().to_pylist().index(True) // per_row
        raise DataError(
            f"{origin} has {column.null_count} empty cell(s), the first in row {row} (from 0)",
            expected="a value in each",
        )


def _is_encoded(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _is_encoded(kind.field("bytes").type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
