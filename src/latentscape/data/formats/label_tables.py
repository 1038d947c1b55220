"""Tables beside images that say which label each file has."""

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from latentscape.core.errors import DataError
from latentscape.core.records import LeftOut
from latentscape.data.compression import open_decompressed
from latentscape.data.formats.columns import LABEL_NAMES
from latentscape.data.formats.image_layout import ImagePath
from latentscape.data.limits import read_within_memory
from latentscape.data.text import readable

TABLE_SUFFIXES = (".csv", ".tsv")


def read_label_table(
    name: str, folder: Path, images: Sequence[ImagePath]
) -> tuple[tuple[str, ...], tuple[LeftOut, ...]]:
    """Read the labels of image files from a table.

    One of its columns holds the names of the files, with or without their folders and endings. The
    label is in the only other column, or in one called ``label``, ``labels``, ``target`` or
    ``class``.

    Parameters
    ----------
    name : str
        The table: a path, or the name of a file in the folder of the images or beside it.
    folder : Path
        The folder of the images.
    images : sequence of ImagePath
        The images below the folder.

    Returns
    -------
    labels : tuple of str
        One for each image.
    left_out : tuple of LeftOut
        Rows that belong to no image, and columns that are not used.

    Raises
    ------
    DataError
        If there is no such table, no column names the files, the label column cannot be told, or a
        file is not in the table.
    """
    path = _find_table(name, folder)
    header, rows = _read_rows(path)
    keys = [_names_of(image) for image in images]
    known = {key for names in keys for key in names}
    column = _file_column(header, rows, known, path)
    label = _label_column(header, column, path)
    labels = {row[column].strip(): row[label].strip() for row in rows}
    missing = [names[0] for names in keys if not labels.keys() & set(names)]
    if missing:
        raise DataError(
            f"{path} has no label for {len(missing)} of {len(images)} images, "
            f"the first of them {missing[0]}",
            expected="a row for each image",
            fix="Add the rows, or leave the labels out (--labels none).",
        )
    of_images = tuple(next(labels[key] for key in names if key in labels) for names in keys)
    return of_images, _unused(header, {column, label}, [key for key in labels if key not in known])


def _find_table(name: str, folder: Path) -> Path:
    path = Path(name).expanduser()
    for candidate in (path, folder / path, folder.parent / path):
        if candidate.is_file() and candidate.suffix.lower() in TABLE_SUFFIXES:
            return candidate
    raise DataError(
        f"There is no table {name}, here, in {folder} or beside it",
        expected="a .csv or .tsv file with the names of the images and their labels",
    )


def _read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    with open_decompressed(path) as file:
        content = read_within_memory(file, str(path))
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8", expected="a table as text") from error
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]) or len(row) < 2:
            raise DataError(
                f"{path}, row {number} (from 0) has {len(row)} cell(s)",
                expected="as many as in the first row, two at least",
            )
    if not rows:
        raise DataError(f"{path} is empty", expected="a table")
    return [cell.strip() for cell in rows[0]], rows[1:]


def _names_of(image: ImagePath) -> tuple[str, ...]:
    """Return the names that a table may have for an image."""
    path = PurePosixPath(*map(readable, image))
    return (str(path), str(path.with_suffix("")), path.name, path.stem)


def _file_column(header: list[str], rows: list[list[str]], known: set[str], path: Path) -> int:
    """Return the column of which most cells name an image."""
    matches = [sum(row[index].strip() in known for row in rows) for index in range(len(header))]
    best = max(range(len(header)), key=matches.__getitem__)
    if not matches[best]:
        raise DataError(
            f"No column of {path} holds names of the images",
            expected="one with the names of the files, as in 'photo1.png' or 'photo1'",
        )
    return best


def _label_column(header: list[str], files: int, path: Path) -> int:
    others = [index for index in range(len(header)) if index != files]
    called = [index for index in others if header[index].lower() in LABEL_NAMES]
    candidates = others if len(others) == 1 else called
    if len(candidates) != 1:
        raise DataError(
            f"{path} has the columns {', '.join(header[index] for index in others)} "
            f"beside the names of files ({header[files]})",
            expected="one more column, or one of them called label",
            fix="Rename the column of labels, or keep two columns.",
        )
    return candidates[0]


def _unused(header: list[str], used: set[int], absent: list[str]) -> tuple[LeftOut, ...]:
    columns = [name for index, name in enumerate(header) if index not in used]
    return (
        *LeftOut.of("column", columns, "neither a file nor its label", len(columns)),
        *LeftOut.of("label", absent, "no image has that name"),
    )
