"""Parquet tables: numeric columns, a column of lists, or a column of encoded images."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.data.columns import choose_columns, example_shape, left_out
from latentscape.data.payload import unreadable
from latentscape.data.pictures import decode, stack
from latentscape.data.raw import Raw
from latentscape.errors import DataError
from latentscape.records import Array

if TYPE_CHECKING:
    import pyarrow as pa


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
    table = _table(path)
    label, chosen = choose_columns(table.column_names, config.labels, str(path))
    labels = None if label is None else _labels(table.column(label))
    unused = left_out(table.column_names, label, chosen)
    columns = {table.column_names[index]: table.column(index) for index in chosen}
    pictures = {name: column for name, column in columns.items() if _is_encoded(column.type)}
    lists = {name: column for name, column in columns.items() if _is_list(column.type)}
    if pictures:
        column, where = _only(pictures, str(path))
        return Raw(_decoded(column, config, where), labels, channels_first=True, left_out=unused)
    if lists:
        return Raw(_unnested(*_only(lists, str(path))), labels, left_out=unused)
    flat = [_numbers(column, f"{path}, column {name!r}") for name, column in columns.items()]
    values = np.stack(flat, axis=1).reshape(-1, *example_shape(list(columns), config.shape))
    return Raw(values, labels, channels_first=True, left_out=unused)


def _table(path: Path) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # Opened here, so that the path is never taken for a folder, a pattern or an address.
        with path.open("rb") as file:
            return parquet.read_table(file)
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet: {error}", expected="a whole Parquet file"
        ) from error


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


def _decoded(column: "pa.ChunkedArray", config: DataConfig, origin: str) -> Array:
    import pyarrow as pa
    from pyarrow import compute

    encoded = compute.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
    _refuse_nulls(encoded, origin)
    names = [f"{origin}, row {row}" for row in range(len(encoded))]
    images = (
        decode(content.as_py(), name, config.resize)
        for content, name in zip(encoded, names, strict=True)
    )
    return stack(images, names)


def _unnested(column: "pa.ChunkedArray", origin: str) -> Array:
    """Turn N lists, or lists of lists, of equal lengths into (N, ...)."""
    from pyarrow import compute

    flat, shape = column, [len(column)]
    while _is_list(flat.type):
        _refuse_nulls(flat, origin)
        lengths = compute.unique(compute.list_value_length(flat)).to_pylist()
        if len(lengths) > 1:
            raise DataError(
                f"The lists in {origin} have different lengths, {lengths[0]} and {lengths[1]}",
                expected="one length",
            )
        shape.extend(lengths or [1])
        flat = compute.list_flatten(flat)
    return _numbers(flat, origin).reshape(shape)


def _numbers(column: "pa.ChunkedArray", origin: str) -> Array:
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(
            f"{origin} is of type {kind}",
            expected="numbers",
            fix="Leave the column out, or name it with --labels if it holds the labels.",
        )
    _refuse_nulls(column, origin)
    return np.asarray(column.to_numpy())


def _refuse_nulls(column: "pa.ChunkedArray", origin: str) -> None:
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
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
