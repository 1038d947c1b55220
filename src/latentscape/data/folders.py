"""Folders of images: flat, one folder per class, or train/ and test/ of either kind."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.payload import unreadable
from latentscape.data.pictures import decode, stack
from latentscape.data.raw import Raw, labelled

_SUFFIXES = (".png", ".jpg", ".jpeg")
_PARTS = {"train", "test"}

_Labelled = tuple[Path, str]


def read_image_folder(path: Path, config: DataConfig) -> Raw:
    """Read a folder of PNG and JPEG images, in the order of their sorted names.

    Parameters
    ----------
    path : Path
        Holds images; or one folder per class; or the folders ``train`` and ``test``, each of which
        does. Other files are left alone, and so are hidden ones.
    config : DataConfig
        ``resize`` is applied.

    Raises
    ------
    DataError
        If there are no images, they differ in size, or one of them cannot be read.
    """
    parts = _parts(path)
    files = _files(parts, path)
    return Raw(
        _pixels(files, config),
        _labels(files),
        n_official_train=_n_train(parts),
        channels_first=True,
    )


def stream_image_folder(path: Path, config: DataConfig, size: int) -> tuple[int, Iterator[Raw]]:
    """Read a folder of images bit by bit, as `read_image_folder` reads it whole.

    Parameters
    ----------
    path, config
        As for `read_image_folder`.
    size : int
        Images at most at a time.

    Returns
    -------
    int
        How many images there are.
    iterator of Raw
        The images, with the names of their files (``id``), below `path`, and of their classes.

    Raises
    ------
    DataError
        As for `read_image_folder`.
    """
    files = _files(_parts(path), path)
    return len(files), _stream(files, path, config, size)


def _stream(files: list[_Labelled], path: Path, config: DataConfig, size: int) -> Iterator[Raw]:
    import pyarrow as pa

    for start in range(0, len(files), size):
        some = files[start : start + size]
        labels = _labels(some)
        names = {"id": [file.relative_to(path).as_posix() for file, _ in some]}
        along = pa.table(names) if labels is None else labelled(labels, **names)
        first = str(some[0][0])
        yield Raw(_pixels(some, config), labels, origin=first, channels_first=True, along=along)


def _pixels(files: list[_Labelled], config: DataConfig) -> Array:
    names = [str(file) for file, _ in files]
    return stack((decode(file, str(file), config.resize) for file, _ in files), names)


def _files(parts: list[Path], path: Path) -> list[_Labelled]:
    """List all images, each with its class or ''."""
    files = [file for part in parts for file in _images_below(part)]
    if not files:
        raise DataError(
            f"{path} holds no PNG or JPEG images",
            expected="images, or one folder of them per class",
        )
    if any(label for _, label in files) and not all(label for _, label in files):
        raise DataError(
            f"Of train and test in {path}, only one has a folder per class", expected="both or none"
        )
    return files


def _parts(folder: Path) -> list[Path]:
    """Return the training and the test folder if there are such, else the folder itself."""
    below = {entry.name.lower(): entry for entry in _entries(folder) if entry.is_dir()}
    found = _PARTS & below.keys()
    if not found:
        return [folder]
    if set(below) != _PARTS:
        raise DataError(
            f"{folder} holds the folders {', '.join(sorted(below))}",
            expected="both train and test and no other, or one folder per class",
        )
    return [below["train"], below["test"]]


def _n_train(parts: list[Path]) -> int | None:
    return len(_images_below(parts[0])) if len(parts) > 1 else None


def _images_below(folder: Path) -> list[_Labelled]:
    """List images with the folder that names their class, or '' in a flat folder."""
    flat = [(file, "") for file in _images(folder)]
    classes = [entry for entry in _entries(folder) if entry.is_dir()]
    nested = [(file, entry.name) for entry in classes for file in _images(entry)]
    if flat and nested:
        raise DataError(
            f"{folder} holds images ({flat[0][0].name}) beside folders of images ({nested[0][1]})",
            expected="either images or one folder of them per class",
        )
    return flat or nested


def _labels(files: list[_Labelled]) -> Array | None:
    return np.array([label for _, label in files]) if files[0][1] else None


def _images(folder: Path) -> list[Path]:
    return [
        entry for entry in _entries(folder) if entry.suffix.lower() in _SUFFIXES and entry.is_file()
    ]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise unreadable(folder, error) from error
