"""Parquet tables: numeric columns, a column of lists, or a column of encoded images."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.compression import unreadable
from latentscape.data.contents import Contents, Examples
from latentscape.data.formats.columns import choose_columns, example_shape, left_out
from latentscape.data.formats.encoded_images import decode_image, stack_images
from latentscape.data.limits import check_data_memory

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData, ParquetFile

_BUFFER = 1 << 20
"""Bytes of each column that are read at once, where a row group is larger than a batch."""

_MAX_ROWS = 1 << 14
"""Rows of lists or images that are read at once; more are slower, and need much more memory."""

_MAX_BYTES = 1 << 28
"""Bytes of lists or images that are read at once."""


@dataclass(frozen=True)
class _Layout:
    """The columns by name, which hold the label and the values, and the type of the values."""

    names: list[str]
    label: int | None
    values: list[int]
    dtype: "pa.DataType"


@dataclass(frozen=True)
class _ColumnValues:
    """Values of one column, its name for messages and the number of its first row.

    `per_row` values, one after the other, belong to one row.
    """

    values: "pa.ChunkedArray"
    name: str
    first: int
    per_row: int = 1


def read_parquet(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a Parquet table; see `Reader`.

    It has one numeric column per value; or one column of lists (nested for images); or one column
    of PNG or JPEG images, as Hugging Face's data sets store them. ``config.labels`` names the label
    column; ``config.resize`` is applied to encoded images.
    """
    from pyarrow import parquet

    with _opened(path) as file:
        table = parquet.ParquetFile(file)
        schema, metadata = table.schema_arrow, table.metadata
    layout = _layout(schema, config, str(path))
    return _contents(_batches(path, metadata, config, layout, size), metadata.num_rows, layout)


def contents_of_table(table: "pa.Table", origin: str, config: DataConfig) -> Contents:
    """Return a table in memory as contents, as `read_parquet` does those of a file.

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    origin : str
        What to call it in messages.
    config : DataConfig
        As for `read_parquet`.
    """
    layout = _layout(table.schema, config, origin)
    batches = (_examples(table, layout, config, origin, 0) for _ in range(1))
    return _contents(batches, len(table), layout)


def _contents(batches: Iterator[Examples], count: int, layout: _Layout) -> Contents:
    return Contents(
        batches,
        count,
        channels_first=not _is_list(layout.dtype),
        grey_levels=_is_encoded(layout.dtype),
        left_out=left_out(layout.names, layout.label, layout.values),
    )


def _batches(
    path: Path, metadata: "FileMetaData", config: DataConfig, layout: _Layout, size: int
) -> Iterator[Examples]:
    from pyarrow import parquet

    first = 0
    with _opened(path) as file:
        # Reading ahead (pre_buffer) would hold whole row groups in memory, also for a stream.
        source = parquet.ParquetFile(file, metadata=metadata, buffer_size=_BUFFER, pre_buffer=False)
        for table in _tables(source, layout, path, size):
            yield _examples(table, layout, config, str(path), first)
            first += len(table)


def _examples(
    table: "pa.Table", layout: _Layout, config: DataConfig, origin: str, first: int
) -> Examples:
    columns = [
        _ColumnValues(table.column(index), f"{origin}, column {layout.names[index]!r}", first)
        for index in layout.values
    ]
    values = _values(columns, layout, config)
    labels = None if layout.label is None else _labels(table.column(layout.label))
    return Examples(values, labels, partial(_metadata, table, layout))


def _tables(file: "ParquetFile", layout: _Layout, path: Path, size: int) -> "Iterator[pa.Table]":
    import pyarrow as pa

    groups = range(file.num_row_groups)
    small = all(file.metadata.row_group(group).num_rows <= size for group in groups)
    if small and len(layout.values) > 1:
        # For many columns this is twice as fast, but it holds a whole row group in memory.
        largest = max((file.metadata.row_group(group).num_rows for group in groups), default=0)
        width = layout.dtype.bit_width / 8 if pa.types.is_primitive(layout.dtype) else 8
        n_bytes = largest * len(layout.values) * width
        check_data_memory(f"A row group of {largest:,} rows of {path}", n_bytes)
        return (file.read_row_group(group) for group in groups)
    batches = file.iter_batches(min(size, _rows_at_once(file, path)))
    return (pa.Table.from_batches([batch]) for batch in batches)


def _rows_at_once(file: "ParquetFile", path: Path) -> int:
    """Return how many rows as the first one may be read at once: a list can be as long as a file.

    It reads that row. Arrow's metadata of columns would tell, but aborts where they are damaged.
    """
    n_bytes = sum(batch.nbytes for batch in islice(file.iter_batches(1), 1))
    check_data_memory(f"The first row of {path}", n_bytes)
    return max(min(_MAX_ROWS, _MAX_BYTES // max(int(n_bytes), 1)), 1)


@contextmanager
def _opened(path: Path) -> "Iterator[pa.NativeFile]":
    import pyarrow as pa

    try:
        # Opened here, so that the path is never taken for a folder, a pattern or an address. Not by
        # Python: where one column is damaged, Arrow's threads still read the others, and those that
        # need Python when it ends abort the process.
        with pa.OSFile(os.fsencode(path)) as file:
            yield file
    except DataError:  # a ValueError too, but already in words
        raise
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet: {error}", expected="a whole Parquet file"
        ) from error


def _layout(schema: "pa.Schema", config: DataConfig, origin: str) -> _Layout:
    """Choose the column of encoded images or, if there is none, of lists; otherwise the numbers."""
    names, types = schema.names, schema.types
    label, columns = choose_columns(names, config.labels, origin)
    encoded = [index for index in columns if _is_encoded(types[index])]
    lists = [index for index in columns if _is_list(types[index])]
    values = encoded or lists or columns
    if (encoded or lists) and len(values) > 1:
        raise DataError(
            f"{origin} has the columns {', '.join(names[index] for index in values)}",
            expected="one column of images or lists",
        )
    return _Layout(names, label, values, types[values[0]])


def _values(columns: list[_ColumnValues], layout: _Layout, config: DataConfig) -> Array:
    if _is_encoded(layout.dtype):
        return _decode(columns[0], config)
    if _is_list(layout.dtype):
        return _unnest(columns[0])
    shape = example_shape([layout.names[index] for index in layout.values], config.shape)
    return np.stack([_numbers(column) for column in columns], axis=1).reshape(-1, *shape)


def _metadata(table: "pa.Table", layout: _Layout) -> "pa.Table":
    """Return all columns that are not values, and the file names that images bring with them."""
    from pyarrow import compute

    others = table.select(sorted(set(range(table.num_columns)) - set(layout.values)))
    images = table.schema.field(layout.values[0])
    # A struct of images may hold their paths beside their bytes.
    if (
        _is_encoded(images.type)
        and images.type.num_fields
        and images.type.get_field_index("path") >= 0
    ):
        paths = compute.struct_field(table.column(layout.values[0]), "path")
        others = others.append_column(f"{images.name}.path", paths)
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


def _decode(column: _ColumnValues, config: DataConfig) -> Array:
    import pyarrow as pa
    from pyarrow import compute

    encoded = column.values
    if pa.types.is_struct(encoded.type):
        encoded = compute.struct_field(encoded, "bytes")
    _refuse_nulls(replace(column, values=encoded))
    names = [f"{column.name}, row {column.first + row}" for row in range(len(encoded))]
    images = (
        decode_image(content.as_py(), name, config.resize)
        for content, name in zip(encoded, names, strict=True)
    )
    return stack_images(images, names)


def _unnest(column: _ColumnValues) -> Array:
    """Turn N lists, or lists of lists, of equal lengths into (N, ...)."""
    from pyarrow import compute

    shape = [len(column.values)]
    while _is_list(column.values.type):
        _refuse_nulls(column)
        lengths = compute.unique(compute.list_value_length(column.values)).to_pylist()
        if len(lengths) > 1:
            raise DataError(
                f"The lists in {column.name} have different lengths, {lengths[0]} and {lengths[1]}",
                expected="one length",
            )
        shape.extend(lengths or [1])
        flat = compute.list_flatten(column.values)
        column = replace(column, values=flat, per_row=math.prod(shape[1:]))
    return _numbers(column).reshape(shape)


def _numbers(column: _ColumnValues) -> Array:
    import pyarrow as pa

    dtype = column.values.type
    if not any(
        is_number(dtype)
        for is_number in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    ):
        raise DataError(
            f"{column.name} is of type {dtype}",
            expected="numbers",
            fix="Leave the column out, or name it with --labels if it holds the labels.",
        )
    _refuse_nulls(column)
    return np.asarray(column.values.to_numpy())


def _refuse_nulls(column: _ColumnValues) -> None:
    if column.values.null_count:
        row = column.first + column.values.is_null().to_pylist().index(True) // column.per_row
        raise DataError(
            f"{column.name} has {column.values.null_count} empty cell(s), "
            f"the first in row {row} (from 0)",
            expected="a value in each",
        )


def _is_encoded(dtype: "pa.DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_struct(dtype):
        return dtype.get_field_index("bytes") >= 0 and _is_encoded(dtype.field("bytes").type)
    return bool(pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype))


def _is_list(dtype: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_list(dtype)
        or pa.types.is_large_list(dtype)
        or pa.types.is_fixed_size_list(dtype)
    )
