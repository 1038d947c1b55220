"""Folders of images: flat, one folder per class, or train/ and test/ of either kind."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.compression import unreadable
from latentscape.data.contents import Contents, Examples, label_table
from latentscape.data.formats.encoded_images import decode_image, stack_images

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIXES = (".png", ".jpg", ".jpeg")
_PARTS = {"train", "test"}

_LabelledFile = tuple[Path, str]
"""An image and its class, which is '' in a flat folder."""


def read_image_folder(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a folder of PNG and JPEG images, in the order of their sorted names; see `Reader`.

    It holds images; or one folder per class; or the folders ``train`` and ``test``, each of which
    does. Other files are ignored, and so are hidden ones. ``config.resize`` is applied.
    """
    parts = [_images_below(part) for part in _parts(path)]
    files = [file for part in parts for file in part]
    _check_files(files, path)
    return Contents(
        _batches(files, path, config, size),
        len(files),
        channels_first=True,
        n_official_train=len(parts[0]) if len(parts) > 1 else None,
    )


def _batches(
    files: list[_LabelledFile], path: Path, config: DataConfig, size: int
) -> Iterator[Examples]:
    for start in range(0, len(files), size):
        batch = files[start : start + size]
        names = [str(file) for file, _ in batch]
        images = (decode_image(file, str(file), config.resize) for file, _ in batch)
        labels = np.array([label for _, label in batch]) if batch[0][1] else None
        metadata = partial(_metadata, batch, labels, path)
        yield Examples(stack_images(images, names), labels, metadata, place=names[0])


def _metadata(files: list[_LabelledFile], labels: Array | None, path: Path) -> "pa.Table":
    import pyarrow as pa

    ids = [file.relative_to(path).as_posix() for file, _ in files]
    return pa.table({"id": ids}) if labels is None else label_table(labels, id=ids)


def _check_files(files: list[_LabelledFile], path: Path) -> None:
    if not files:
        raise DataError(
            f"{path} holds no PNG or JPEG images",
            expected="images, or one folder of them per class",
        )
    if any(label for _, label in files) and not all(label for _, label in files):
        raise DataError(
            f"Of train and test in {path}, only one has a folder per class", expected="both or none"
        )


def _parts(folder: Path) -> list[Path]:
    """Return the training and the test folder if there are such, else the folder itself."""
    folders = {entry.name.lower(): entry for entry in _entries(folder) if entry.is_dir()}
    if not _PARTS & folders.keys():
        return [folder]
    if set(folders) != _PARTS:
        raise DataError(
            f"{folder} holds the folders {', '.join(sorted(folders))}",
            expected="both train and test and no other, or one folder per class",
        )
    return [folders["train"], folders["test"]]


def _images_below(folder: Path) -> list[_LabelledFile]:
    """List images with the folder that names their class."""
    flat = [(file, "") for file in _images(folder)]
    classes = [entry for entry in _entries(folder) if entry.is_dir()]
    nested = [(file, entry.name) for entry in classes for file in _images(entry)]
    if flat and nested:
        raise DataError(
            f"{folder} holds images ({flat[0][0].name}) beside folders of images ({nested[0][1]})",
            expected="either images or one folder of them per class",
        )
    return flat or nested


def _images(folder: Path) -> list[Path]:
    return [
        entry for entry in _entries(folder) if entry.suffix.lower() in _SUFFIXES and entry.is_file()
    ]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise unreadable(folder, error) from error
