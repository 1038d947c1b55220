"""Tables whose column ``pixels`` holds an image in each cell, as FER2013's: "70 80 82 ..."."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import PARTS, Array
from latentscape.data.compression import open_decompressed
from latentscape.data.contents import Contents, Examples, official_sizes
from latentscape.data.formats.columns import choose_columns, example_shape, left_out
from latentscape.data.formats.csv_tables import first_line, read_blocks
from latentscape.data.formats.parts import part_of_file, tests_on_validation

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_FER_PARTS = {"publictest": "validation", "privatetest": "test"}
"""What FER2013 calls its parts, beside ``Training``."""


@dataclass(frozen=True)
class _Layout:
    """The columns by name, and which of them hold the image, the label and the part."""

    path: Path
    names: list[str]
    delimiter: str
    pixels: int
    label: int | None
    part: int | None

    @property
    def others(self) -> list[int]:
        """The columns that are not pixels."""
        return [index for index in range(len(self.names)) if index != self.pixels]


def is_pixel_table(path: Path) -> bool:
    """Tell a table by its header, and by the blanks between the numbers of its first image."""
    if not (path.is_file() and path.name.lower().endswith(_SUFFIXES)):
        return False
    try:
        with open_decompressed(path) as file:
            header = file.readline(1 << 16)
            names, delimiter = first_line(header, path)
            cells = file.readline(1 << 20).decode("utf-8", "replace").split(delimiter)
    except DataError:  # which reading it as another table will explain
        return False
    index = _pixels(names)
    return index is not None and index < len(cells) and len(cells[index].split()) > 1


def read_pixel_table(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a table of images as texts; see `Reader`.

    ``emotion`` is the label, or a column that is called as labels are, or ``config.labels``. A
    column ``Usage`` tells the parts: ``Training``, ``PublicTest`` (the validation part) and
    ``PrivateTest``, or any other names of parts.
    """
    with open_decompressed(path) as file:
        names, delimiter = first_line(file.readline(), path)
    layout = _layout(names, delimiter, path, config)
    counts = {} if layout.part is None else _count_parts(layout)
    sizes = [counts[part] for part in PARTS if part in counts]
    n_train, n_validation = official_sizes(sizes)
    values = [layout.pixels, *([layout.part] if layout.part is not None else [])]
    return Contents(
        _batches(layout, [part for part in PARTS if part in counts], config, size),
        sum(sizes) if sizes else None,
        channels_first=True,
        grey_levels=True,
        n_official_train=n_train,
        n_official_validation=n_validation,
        left_out=left_out(names, layout.label, values),
        tests_on_validation=tests_on_validation(part for part in PARTS if part in counts),
    )


def _layout(names: list[str], delimiter: str, path: Path, config: DataConfig) -> _Layout:
    lower = [name.lower() for name in names]
    label_name = config.labels or ("emotion" if "emotion" in lower else None)
    if label_name in lower and label_name not in names:
        label_name = names[lower.index(label_name)]
    label = choose_columns(names, label_name, str(path))[0]
    part = lower.index("usage") if "usage" in lower and lower.index("usage") != label else None
    return _Layout(path, names, delimiter, lower.index("pixels"), label, part)


def _pixels(names: list[str]) -> int | None:
    return next((index for index, name in enumerate(names) if name.lower() == "pixels"), None)


def _count_parts(layout: _Layout) -> Counter[str]:
    """Count the examples of each part, which is a reading of its own."""
    counts: Counter[str] = Counter()
    for table in _tables(layout, [layout.part]):
        for name in table.column(str(layout.part)).to_pylist():
            counts[_part(name, layout.path)] += 1
    return counts


def _part(name: str, path: Path) -> str:
    part = _FER_PARTS.get(name.strip().lower()) or part_of_file(name)
    if part is None:
        raise DataError(
            f"{path} says {name!r} in its column of parts, Usage",
            expected="Training, PublicTest or PrivateTest; or train, validation or test",
        )
    return part


def _batches(
    layout: _Layout, parts: Sequence[str], config: DataConfig, size: int
) -> Iterator[Examples]:
    """Read part by part: a reading for each, as their rows may stand in any order."""
    for part in parts or (None,):
        n_read = 0
        for table in _tables(layout, [layout.pixels, *layout.others]):
            if part is not None:
                names = table.column(str(layout.part)).to_pylist()
                table = table.filter([_part(name, layout.path) == part for name in names])
            for start in range(0, len(table), size):
                rows = table.slice(start, size)
                labels = None if layout.label is None else rows.column(str(layout.label)).to_numpy()
                images = _images(rows.column(str(layout.pixels)), layout, config, n_read)
                yield Examples(images, labels, partial(_metadata, rows, layout))
                n_read += len(rows)


def _images(texts: "pa.ChunkedArray", layout: _Layout, config: DataConfig, first: int) -> Array:
    """Turn texts of numbers into images."""
    import pyarrow as pa
    from pyarrow import compute

    cells = compute.ascii_split_whitespace(compute.utf8_trim_whitespace(texts))
    lengths = compute.unique(compute.list_value_length(cells)).to_pylist()
    where = f"{layout.path}, column 'pixels', from example {first} on"
    if len(lengths) > 1:
        raise DataError(
            f"{where}: images have {lengths[0]} and {lengths[1]} pixels", expected="one number"
        )
    try:
        values = compute.list_flatten(cells).cast(pa.uint8()).to_numpy()
    except pa.ArrowInvalid as error:
        raise DataError(f"{where}: {error}", expected="whole numbers from 0 to 255") from error
    shape = example_shape([f"pixel{index}" for index in range(lengths[0])], config.shape)
    images: Array = values.reshape(-1, *shape)
    return images


def _metadata(rows: "pa.Table", layout: _Layout) -> "pa.Table":
    import pyarrow as pa

    columns = [rows.column(str(index)) for index in layout.others]
    return pa.table(columns, [layout.names[index] for index in layout.others])


def _tables(layout: _Layout, columns: Sequence[int | None]) -> "Iterator[pa.Table]":
    """Parse some columns as texts, block by block."""
    import pyarrow as pa
    from pyarrow import csv

    names = [str(index) for index in range(len(layout.names))]
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=[str(index) for index in columns],
        strings_can_be_null=False,
    )
    for number, block in enumerate(read_blocks(layout.path)):
        read = csv.ReadOptions(
            column_names=names, skip_rows=int(number == 0), block_size=len(block)
        )
        parse = csv.ParseOptions(delimiter=layout.delimiter)
        try:
            yield csv.read_csv(pa.py_buffer(block), read, parse, convert)
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{layout.path} cannot be read as a table: {' '.join(str(error).split())}",
                expected="as many cells in each line as in the first one, as text in UTF-8",
            ) from error
