"""Tables as text: comma, semicolon or tab separated, with or without a header."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.columns import choose_columns, example_shape, left_out, slices
from latentscape.data.payload import opened, read_payload
from latentscape.data.raw import Raw

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = ("uint8", "int64", "float32")  # the first that all values fit; images are done at once
_BLOCK = 4 << 20  # bytes; at Arrow's default of 1 MiB, 784 columns take twice as long
_SMALLEST_IMAGE = (
    8  # a table without names whose columns are a square of at least this side is images
)
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class _Layout:
    """How to read the text: what its first line shows; and which texts to bring along."""

    names: list[str]
    has_header: bool
    delimiter: str
    label: int | None
    values: list[int]
    texts: list[int]


_Mistake = Callable[[str], DataError]


def read_csv(path: Path, config: DataConfig) -> Raw:
    """Read a table as Kaggle's Digit Recognizer has it, or any other numeric one.

    A first line of nothing but numbers is data. Columns called pixels, a square number of them,
    become images (N, 1, S, S); so do 64 or more columns without names, if they are a square number.
    Other columns become vectors (N, D).

    Parameters
    ----------
    path : Path
        Text in UTF-8, gzipped or not.
    config : DataConfig
        ``labels`` names the label column; without a header it is the position, from 0.

    Raises
    ------
    DataError
        With line and column, for what is no finite number.
    """
    payload = _begun(read_payload(path))
    layout = _layout(payload, config, str(path))
    mistake = partial(_first_mistake, [payload], layout, str(path))
    table = _parse(payload, layout, _TYPES, True, mistake)
    if table is None:
        return Raw(np.zeros((0, len(layout.values)), np.uint8))
    return _raw(table, layout, config, mistake)


def stream_csv(path: Path, config: DataConfig, size: int) -> tuple[None, Iterator[Raw]]:
    """Read a table bit by bit, as `read_csv` reads it whole.

    A table of integers is gone through twice: that no number has a fraction is known at its end.

    Parameters
    ----------
    path, config
        As for `read_csv`.
    size : int
        Rows at most at a time.

    Returns
    -------
    None
        How many rows there are is not known before.
    iterator of Raw
        The rows, with all columns that are no values, as texts.

    Raises
    ------
    DataError
        As for `read_csv`.
    """
    first = next(_blocks(path))
    layout = _layout(first, config, str(path))
    others = sorted(set(range(len(layout.names))) - set(layout.values))
    return None, _stream(path, config, replace(layout, texts=others), size)


def _stream(path: Path, config: DataConfig, layout: _Layout, size: int) -> Iterator[Raw]:
    mistake = partial(_first_mistake, _blocks(path), layout, str(path))
    kind = _kind(path, layout)
    names = [layout.names[index] for index in layout.texts]
    for number, block in enumerate(_blocks(path)):
        table = _parse(block, layout, [kind], number == 0, mistake)
        for rows in [] if table is None else slices(table, size):
            texts = rows.select([str(index) for index in layout.texts]).rename_columns(names)
            yield replace(_raw(rows, layout, config, mistake), along=texts)


def _blocks(path: Path) -> Iterator[bytes]:
    """Read a text in blocks of whole lines."""
    with opened(path) as file:
        yield _begun(file.read(_BLOCK) + file.readline())
        while block := file.read(_BLOCK):
            yield block + file.readline()


def _begun(text: bytes) -> bytes:
    """Take away what may stand before the first line."""
    return text.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")


def _kind(path: Path, layout: _Layout) -> str:
    """Find the smallest type that fits all values."""
    kinds = list(_TYPES)
    for number, block in enumerate(_blocks(path)):
        while kinds[1:] and not _fits(block, layout, kinds[0], number == 0):
            del kinds[0]
        if not kinds[1:]:
            break
    return kinds[0]


def _fits(block: bytes, layout: _Layout, kind: str, first: bool) -> bool:
    try:
        _parse(block, layout, [kind], first, DataError)
    except DataError:
        return False
    return True


def _raw(table: "pa.Table", layout: _Layout, config: DataConfig, mistake: _Mistake) -> Raw:
    labels = None if layout.label is None else table.column(str(layout.label)).to_numpy()
    values = _stack(table, layout.values)
    if not np.isfinite(values).all():
        raise mistake("it holds values that are not finite")
    return Raw(
        values.reshape(-1, *example_shape(_value_names(layout), config.shape)),
        labels,
        channels_first=True,
        left_out=left_out(layout.names, layout.label, layout.values),
    )


def _layout(payload: bytes, config: DataConfig, origin: str) -> _Layout:
    names, delimiter = _first_line(payload, origin)
    has_header = not all(_is_number(name) for name in names)
    if not has_header:
        names = [str(index) for index in range(len(names))]
        if config.labels is None and config.shape is None and _looks_labelled(len(names)):
            raise DataError(
                f"{origin} has no header and {len(names)} columns, as a label and an image have",
                expected="to know which column is the label",
                fix="Say '--labels 0' if it is the first one, or add a header.",
            )
    label, values = choose_columns(names, config.labels, origin)
    texts = [] if label is None else [label]
    return _Layout(names, has_header, delimiter, label, values, texts)


def _first_line(payload: bytes, origin: str) -> tuple[list[str], str]:
    line = io.BytesIO(payload).readline().splitlines()[:1]
    try:
        text = b"".join(line).decode()
    except UnicodeDecodeError as error:
        raise _not_text(origin) from error
    if not text.strip():
        raise DataError(f"{origin} is empty", expected="a table")
    if "\0" in text:
        raise _not_text(origin)
    delimiter = max(",;\t", key=text.count)
    names = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))
    return [name.strip() for name in names], delimiter


def _parse(
    payload: bytes, layout: _Layout, kinds: Sequence[str], first: bool, mistake: _Mistake
) -> "pa.Table | None":
    """Parse with the first type that fits all values; None if there are no rows."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    # Columns go by position: names in a header may stand twice.
    names = [str(index) for index in range(len(layout.names))]
    read = arrow_csv.ReadOptions(
        column_names=names, skip_rows=int(first and layout.has_header), block_size=_BLOCK
    )
    for kind in kinds:
        types = {str(index): pa.type_for_alias(kind) for index in layout.values}
        types |= {str(index): pa.string() for index in layout.texts}
        # Nothing stands for "missing": an empty cell shall be an error, not a null.
        convert = arrow_csv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=[]
        )
        try:
            source = pa.py_buffer(payload)
            return arrow_csv.read_csv(
                source, read, arrow_csv.ParseOptions(delimiter=layout.delimiter), convert
            )
        except pa.ArrowException as error:
            if str(error) == "Empty CSV file":
                return None
            problem = error
    raise mistake(str(problem)) from problem


def _stack(table: "pa.Table", columns: list[int]) -> Array:
    """Gather columns into (N, D); writing rows of the transposed array first is much faster."""
    dtype = table.column(str(columns[0])).type.to_pandas_dtype()
    values = np.empty((len(columns), table.num_rows), dtype)
    for row, index in zip(values, columns, strict=True):
        row[:] = table.column(str(index)).to_numpy()
    return np.ascontiguousarray(values.T)


def _value_names(layout: _Layout) -> list[str]:
    if layout.has_header or len(layout.values) < _SMALLEST_IMAGE**2:
        return [layout.names[index] for index in layout.values]
    return [f"pixel{index}" for index in layout.values]


def _looks_labelled(n_columns: int) -> bool:
    return n_columns > _SMALLEST_IMAGE**2 and math.isqrt(n_columns - 1) ** 2 == n_columns - 1


def _first_mistake(
    blocks: Iterable[bytes], layout: _Layout, origin: str, otherwise: str
) -> DataError:
    """Find the first thing that is wrong; slow, and only for tables that cannot be read."""
    # What is not UTF-8 becomes a character that is in no number.
    texts = (io.TextIOWrapper(io.BytesIO(b), "utf-8", "replace", newline="") for b in blocks)
    reader = csv.reader(chain.from_iterable(texts), delimiter=layout.delimiter)
    try:
        for cells in reader:
            if not cells or (layout.has_header and reader.line_num == 1):
                continue
            mistake = _mistake(cells, layout)
            if mistake:
                return DataError(f"{origin}, line {reader.line_num}{mistake}", **_ADVICE)
    except csv.Error as error:
        return DataError(f"{origin}, line {reader.line_num}: {error}", **_ADVICE)
    return DataError(
        f"{origin} cannot be read as a table: {' '.join(otherwise.split())}", **_ADVICE
    )


def _mistake(cells: list[str], layout: _Layout) -> str:
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


def _not_text(origin: str) -> DataError:
    return DataError(f"{origin} is not text in UTF-8", expected="a table as text")


_ADVICE: dict[str, Any] = {
    "expected": "one finite number in each cell and as many cells in each line",
    "fix": "Correct the line or leave it out.",
}
