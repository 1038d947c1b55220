"""CIFAR-10 and CIFAR-100 in their binary version: a byte or two of labels, then 3x32x32 bytes.

https://www.cs.toronto.edu/~kriz/cifar.html describes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.compression import unreadable
from latentscape.data.contents import Contents, Examples, label_table
from latentscape.data.formats.parts import part_of_file
from latentscape.data.labels import NO_LABELS
from latentscape.data.text import readable

_SHAPE = (3, 32, 32)
_N_PIXELS = 3 * 32 * 32
_BATCH = 1 << 10
"""Images that are read at once where a batch may be of any size."""


@dataclass(frozen=True)
class _Kind:
    """One of the two sets: the files of label names, in the order of the bytes before an image."""

    name: str
    name_files: dict[str, str]

    @property
    def n_bytes(self) -> int:
        return len(self.name_files) + _N_PIXELS


_KINDS = (
    _Kind("CIFAR-10", {"fine": "batches.meta.txt"}),
    _Kind("CIFAR-100", {"coarse": "coarse_label_names.txt", "fine": "fine_label_names.txt"}),
)


def is_cifar(path: Path) -> bool:
    """Tell a file, or a folder of files, called as those of CIFAR are."""
    if path.is_dir():
        return any(path.glob("data_batch_*.bin")) or (path / "train.bin").is_file()
    return path.is_file() and path.suffix.lower() == ".bin"


def read_cifar(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a file of CIFAR, or a folder of them with its official test part; see `Reader`.

    ``config.labels`` may be ``coarse`` for the 20 classes of CIFAR-100 instead of its 100.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted(folder.glob("*.bin")) if path.is_dir() else [path]
    test = [file for file in files if path.is_dir() and part_of_file(file.stem) == "test"]
    train = [file for file in files if file not in test]
    kind = _kind(files, folder)
    position = _position(kind, config.labels, path)
    counts = [_count(file, kind) for file in train + test]
    names = _label_names(folder / list(kind.name_files.values())[position])
    return Contents(
        _batches(train + test, kind, position, names, size),
        sum(counts),
        channels_first=True,
        grey_levels=True,
        n_official_train=sum(counts[: len(train)]) if test and train else None,
    )


def _kind(files: Sequence[Path], folder: Path) -> _Kind:
    """Tell the set by the files of label names beside it, else by the size of the first file."""
    for kind in _KINDS:
        if any((folder / name).is_file() for name in kind.name_files.values()):
            return kind
    size = files[0].stat().st_size
    return next((kind for kind in _KINDS if size and size % kind.n_bytes == 0), _KINDS[0])


def _position(kind: _Kind, labels: str | None, path: Path) -> int:
    levels = list(kind.name_files)
    if labels not in (None, NO_LABELS, *levels):
        raise DataError(
            f"data.labels is {labels!r}, but {path} is read as {kind.name}",
            expected=f"{' or '.join(levels)}, or none to use no labels",
        )
    return levels.index(labels) if labels in levels else levels.index("fine")


def _count(file: Path, kind: _Kind) -> int:
    size = file.stat().st_size
    if not size or size % kind.n_bytes:
        raise DataError(
            f"{file} is {size} bytes long",
            expected=f"a multiple of {kind.n_bytes}, as every image of {kind.name} takes so many",
            fix="The file is truncated, or it is none of CIFAR's.",
        )
    return size // kind.n_bytes


def _label_names(file: Path) -> list[str]:
    """Read the names of labels, one in a line; there are none where that file is missing."""
    if not file.is_file():
        return []
    return [name for line in file.read_bytes()[: 1 << 16].splitlines() if (name := readable(line))]


def _batches(
    files: Sequence[Path], kind: _Kind, position: int, names: Sequence[str], size: int
) -> Iterator[Examples]:
    for file in files:
        try:
            with file.open("rb") as opened:
                while content := opened.read(min(size, _BATCH) * kind.n_bytes):
                    records = np.frombuffer(content, np.uint8).reshape(-1, kind.n_bytes)
                    labels = _labels(records[:, position], names, file)
                    images = records[:, -_N_PIXELS:].reshape(-1, *_SHAPE)
                    yield Examples(images, labels, partial(label_table, labels))
        except OSError as error:
            raise unreadable(file, error) from error


def _labels(indices: Array, names: Sequence[str], file: Path) -> Array:
    if not names:
        return indices
    if indices.max() >= len(names):
        raise DataError(
            f"{file} holds the label {indices.max()}",
            expected=f"one of 0 to {len(names) - 1}, which are the labels that have names",
            fix="The file is damaged, or it is none of CIFAR's.",
        )
    return np.array(names)[indices]
