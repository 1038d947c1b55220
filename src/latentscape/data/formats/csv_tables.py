"""Tables as text: comma, semicolon or tab separated, with or without a header."""

import csv
import io
import math
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.compression import open_decompressed
from latentscape.data.contents import Contents, Examples
from latentscape.data.formats.columns import (
    LABEL_NAMES,
    SMALLEST_IMAGE,
    choose_columns,
    example_shape,
    is_numbered,
    left_out,
)

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = ("uint8", "int64", "float32")  # from narrow to wide; most tables of images fit the first
_BLOCK = 4 << 20  # bytes; at Arrow's default of 1 MiB, 784 columns take twice as long
_MAX_LINE = 64 << 20  # bytes; an image of 2,000 x 2,000 numbers has 16 million
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class _Layout:
    """How to read the text, as its first line shows: the columns by name and by position."""

    path: Path
    names: list[str]
    has_header: bool
    delimiter: str
    label: int | None
    values: list[int]
    shape: tuple[int, ...]

    @property
    def others(self) -> list[int]:
        """The columns that are not values, label included."""
        return sorted(set(range(len(self.names))) - set(self.values))


def read_csv(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a table as Kaggle's Digit Recognizer has it, or any other numeric one; see `Reader`.

    The text is UTF-8, gzipped or not. A first line of nothing but numbers is data. Columns called
    pixels, a square number of them, become images (N, 1, S, S); so do 64 or more columns without
    names, if they are a square number. Other columns become vectors (N, D). ``config.labels`` names
    the label column; without a header it is the position, from 0, or -1 for the last one.
    """
    with closing(read_blocks(path)) as blocks:
        layout = _layout(next(blocks), path, config)
    return Contents(
        _batches(layout, size),
        count=None,
        channels_first=True,
        type_widens=True,
        left_out=left_out(layout.names, layout.label, layout.values),
    )


def _batches(layout: _Layout, size: int) -> Iterator[Examples]:
    import pyarrow as pa

    try:
        for table in _tables(layout, list(_TYPES)):
            for start in range(0, table.num_rows, size):
                rows = table.slice(start, size)  # no copy
                labels = None if layout.label is None else rows.column(str(layout.label)).to_numpy()
                yield Examples(_values(rows, layout), labels, partial(_metadata, rows, layout))
    except pa.ArrowException as error:
        raise _first_mistake(layout, str(error)) from error


def _tables(layout: _Layout, types: list[str]) -> "Iterator[pa.Table]":
    """Parse block by block, from some block on with a wider type than before."""
    import pyarrow as pa

    for number, block in enumerate(read_blocks(layout.path)):
        while True:
            try:
                table = _parse(block, layout, types[0], number == 0)
            except pa.ArrowException:
                if len(types) == 1:
                    raise
                types = types[1:]
            else:
                yield table
                break


def _parse(block: bytes, layout: _Layout, dtype: str, first: bool) -> "pa.Table":
    """Parse whole lines, of which the first one is the header if they are the first block."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    # Columns go by position: names in a header may occur twice.
    names = [str(index) for index in range(len(layout.names))]
    types = {str(index): pa.type_for_alias(dtype) for index in layout.values}
    # Only streams use the other columns: as bytes, they need not be UTF-8 to load the rest.
    types |= {str(index): pa.binary() for index in layout.others if index != layout.label}
    if layout.label is not None:
        types[str(layout.label)] = pa.string()
    skip = int(first and layout.has_header)
    read = arrow_csv.ReadOptions(column_names=names, skip_rows=skip, block_size=_BLOCK)
    parse = arrow_csv.ParseOptions(delimiter=layout.delimiter)
    # No text means "missing": an empty cell must be an error, not a null.
    convert = arrow_csv.ConvertOptions(column_types=types, null_values=[])
    try:
        return arrow_csv.read_csv(pa.py_buffer(block), read, parse, convert)
    except pa.ArrowInvalid as error:
        if str(error) == "Empty CSV file":
            return pa.schema(types).empty_table()
        raise


def _values(rows: "pa.Table", layout: _Layout) -> Array:
    values = np.stack([rows.column(str(index)).to_numpy() for index in layout.values], axis=1)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise _first_mistake(layout, "it holds values that are not finite")
    return values.reshape(-1, *layout.shape)


def _metadata(rows: "pa.Table", layout: _Layout) -> "pa.Table":
    """Return all columns that are not values, as texts."""
    import pyarrow as pa

    try:
        columns = [rows.column(str(index)).cast(pa.string()) for index in layout.others]
    except pa.ArrowInvalid as error:
        raise _first_mistake(layout, str(error)) from error
    return pa.table(columns, [layout.names[index] for index in layout.others])


def read_blocks(path: Path) -> Generator[bytes]:
    """Read a text in blocks of whole lines, without what may precede the first line.

    Raises
    ------
    DataError
        If it cannot be read, or a line has no end.
    """
    with open_decompressed(path) as file:
        begin = file.read(_BLOCK) + _rest_of_line(file, path)
        yield begin.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
        while block := file.read(_BLOCK):
            yield block + _rest_of_line(file, path)


def _rest_of_line(file: BinaryIO, path: Path) -> bytes:
    rest = file.readline(_MAX_LINE)
    if len(rest) == _MAX_LINE and not rest.endswith(b"\n"):
        raise DataError(
            f"{path} has a line of more than {_MAX_LINE >> 20} MiB",
            expected="a table with an example in each line",
        )
    return rest


def _layout(block: bytes, path: Path, config: DataConfig) -> _Layout:
    names, delimiter = first_line(block, path)
    texts = [index for index, name in enumerate(names) if not _is_number(name)]
    is_numeric = not texts or texts == _position(config.labels, len(names))
    has_header = not is_numeric or _counts(names)
    if texts in ([0], [len(names) - 1]) and not is_numeric:
        _refuse_unclear_header(names, texts[0], path, config)
    if is_numeric:
        names = [str(index) for index in range(len(names))]
        if config.labels is None and config.shape is None and _looks_labelled(len(names)):
            raise DataError(
                f"{path} has no names of columns and {len(names)} columns, as a label and an image "
                "have",
                expected="to know which column is the label",
                fix="Say '--labels 0' if it is the first one and '--labels -1' if it is the last, "
                "or add a header.",
            )
    label, values = choose_columns(names, config.labels, str(path))
    value_names = [names[index] for index in values]
    if is_numeric and len(values) >= SMALLEST_IMAGE**2:
        value_names = [f"pixel{index}" for index in values]
    shape = example_shape(value_names, config.shape)
    return _Layout(path, names, has_header, delimiter, label, values, shape)


def first_line(block: bytes, path: Path) -> tuple[list[str], str]:
    """Return the cells of the first line, and what separates them.

    Parameters
    ----------
    block : bytes
        The beginning of the text.
    path : Path
        Where it is from, for messages.

    Raises
    ------
    DataError
        If it is empty or no text.
    """
    line = io.BytesIO(block).readline().splitlines()[:1]
    try:
        text = b"".join(line).decode()
    except UnicodeDecodeError as error:
        raise _not_text(path) from error
    if not text.strip():
        raise DataError(f"{path} is empty", expected="a table")
    if "\0" in text:
        raise _not_text(path)
    delimiter = max(",;\t", key=text.count)
    try:
        names = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise _refusal(f"{path}, line 1: {error}") from error
    return [name.strip() for name in names], delimiter


def _position(labels: str | None, n_columns: int) -> list[int]:
    """Return the column that the settings choose by its number, which may count from the end."""
    if labels is None or not re.fullmatch(r"-?\d+", labels):
        return []
    index = int(labels)
    return [index % n_columns] if -n_columns <= index < n_columns else []


def _refuse_unclear_header(names: list[str], text: int, path: Path, config: DataConfig) -> None:
    """Refuse a first line of numbers and a text, which may be names as well as an example."""
    others = [name for index, name in enumerate(names) if index != text]
    is_named = names[text] == config.labels or names[text].lower() in LABEL_NAMES
    if len(names) > 2 and not is_named and not is_numbered(others):
        raise DataError(
            f"The first line of {path} is {', '.join(names[:5])}{', ...' * (len(names) > 5)}",
            expected="names of columns, or numbers",
            fix=f"If {names[text]!r} is the label of an example, say '--labels "
            f"{-1 if text else 0}'; if the line is a header, give names that are no numbers.",
        )


def _counts(names: list[str]) -> bool:
    """Tell a header that pandas writes for columns without names: 0, 1, 2, ..."""
    return len(names) >= SMALLEST_IMAGE and is_numbered(names) and names[0] == "0"


def _looks_labelled(n_columns: int) -> bool:
    return n_columns > SMALLEST_IMAGE**2 and math.isqrt(n_columns - 1) ** 2 == n_columns - 1


def _first_mistake(layout: _Layout, problem: str) -> DataError:
    """Find the first mistake in a table by a slow second reading; `problem` is what Arrow said."""
    # What is not UTF-8 becomes a character that is not part of any number.
    texts = (
        io.TextIOWrapper(io.BytesIO(block), "utf-8", "replace", newline="")
        for block in read_blocks(layout.path)
    )
    reader = csv.reader(chain.from_iterable(texts), delimiter=layout.delimiter)
    try:
        for cells in reader:
            is_header = layout.has_header and reader.line_num == 1
            mistake = "" if is_header or not cells else _mistake(cells, layout)
            if mistake:
                return _refusal(f"{layout.path}, line {reader.line_num}{mistake}")
    except csv.Error as error:
        return _refusal(f"{layout.path}, line {reader.line_num}: {error}")
    return _refusal(f"{layout.path} cannot be read as a table: {' '.join(problem.split())}")


def _mistake(cells: list[str], layout: _Layout) -> str:
    """Say what is wrong with a line; nothing if it is right."""
    if len(cells) != len(layout.names):
        return f" has {len(cells)} cell(s) where the first line has {len(layout.names)}"
    for index in layout.values:
        fault = _fault(cells[index].strip())
        if fault:
            return f", column {layout.names[index]!r}: {fault}"
    return ""


def _fault(cell: str) -> str:
    if not cell:
        return "the cell is empty"
    if not _is_number(cell):
        return f"{cell!r} is not a number"
    if not abs(float(cell)) <= _LARGEST:
        return f"{cell!r} is not a finite number"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _not_text(path: Path) -> DataError:
    return DataError(f"{path} is not text in UTF-8", expected="a table as text")


def _refusal(problem: str) -> DataError:
    return DataError(
        problem,
        expected="one finite number in each cell and as many cells in each line",
        fix="Correct the line or leave it out.",
    )
