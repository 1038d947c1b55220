"""Folders of images: flat, one folder per class, or train/ and test/ of either kind."""

from pathlib import Path

import numpy as np

from latentscape.config import DataConfig
from latentscape.data.payload import unreadable
from latentscape.data.pictures import decode, stack
from latentscape.data.raw import Raw
from latentscape.errors import DataError

_SUFFIXES = (".png", ".jpg", ".jpeg")
_PARTS = {"train", "test"}


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
    files = [file for part in parts for file in _images_below(part)]
    if not files:
        raise DataError(
            f"{path} holds no PNG or JPEG images",
            expected="images, or one folder of them per class",
        )
    names = [str(file) for file, _ in files]
    values = stack((decode(file, str(file), config.resize) for file, _ in files), names)
    labels = _labels([label for _, label in files], path)
    return Raw(values, labels, n_official_train=_n_train(parts), channels_first=True)


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


def _images_below(folder: Path) -> list[tuple[Path, str]]:
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


def _labels(labels: list[str], path: Path) -> "np.ndarray[tuple[int], np.dtype[np.str_]] | None":
    if not any(labels):
        return None
    if not all(labels):
        raise DataError(
            f"Of train and test in {path}, only one has a folder per class", expected="both or none"
        )
    return np.array(labels)


def _images(folder: Path) -> list[Path]:
    return [
        entry for entry in _entries(folder) if entry.suffix.lower() in _SUFFIXES and entry.is_file()
    ]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise unreadable(folder, error) from error
