"""Where examples come from: names in a table, and paths by their format."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, unknown
from latentscape.core.records import Dataset
from latentscape.data.archives import FASHION_MNIST, MNIST
from latentscape.data.arrays import read_npy, read_npz, stream_npy
from latentscape.data.csvfile import read_csv, stream_csv
from latentscape.data.embedded import load_digits, load_mnist_5k
from latentscape.data.folders import read_image_folder, stream_image_folder
from latentscape.data.idx import is_idx, read_idx, read_idx_folder
from latentscape.data.parquet import read_parquet, stream_parquet
from latentscape.data.raw import Raw, to_dataset
from latentscape.data.streams import Stream, chunks, stream_of


@dataclass(frozen=True)
class Source:
    """A data set that has a name.

    Attributes
    ----------
    about : str
        What it is, in a line.
    load : callable
        Finds, converts or downloads it and returns what it holds.
    """

    about: str
    load: Callable[[], Raw]


@dataclass(frozen=True)
class _Format:
    """How a kind of file is read, whole and bit by bit; which settings mean something to it."""

    read: Callable[[Path, DataConfig], Raw]
    settings: tuple[str, ...] = ()
    stream: Callable[[Path, DataConfig, int], tuple[int | None, Iterator[Raw]]] | None = None


SOURCES: dict[str, Source] = {
    "mnist-5k": Source(
        "5,000 real MNIST digits, 28x28 grey; comes with Latentscape", load_mnist_5k
    ),
    "mnist": Source("70,000 handwritten digits, 28x28 grey; 11 MB download", MNIST.load),
    "fashion-mnist": Source(
        "70,000 pieces of clothing, 28x28 grey; 30 MB download", FASHION_MNIST.load
    ),
    "digits": Source("1,797 handwritten digits, 8x8 grey; comes with scikit-learn", load_digits),
}

_FORMATS = {
    ".csv": _Format(read_csv, ("labels",), stream_csv),
    ".tsv": _Format(read_csv, ("labels",), stream_csv),
    ".parquet": _Format(read_parquet, ("labels", "resize"), stream_parquet),
    ".npy": _Format(read_npy, ("labels",), stream_npy),
    ".npz": _Format(read_npz, ("labels",)),
}
_IDX = _Format(lambda path, config: read_idx(path))
_IDX_FOLDER = _Format(lambda path, config: read_idx_folder(path))
_IMAGE_FOLDER = _Format(read_image_folder, ("resize",), stream_image_folder)


def source_names() -> list[str]:
    """Names of the sources that have one."""
    return sorted(SOURCES)


def load_dataset(config: DataConfig) -> Dataset:
    """Load examples by name or path, with the config's labels, shape, range and size applied.

    Parameters
    ----------
    config : DataConfig
        ``source`` is one of `source_names` or the path of a table (.csv, .parquet), of arrays
        (.npy, .npz), of an IDX file, or of a folder of images or IDX files.

    Returns
    -------
    Dataset
        All examples, whole in memory.

    Raises
    ------
    DataError
        If there is no such source, it cannot be read, or a setting does not fit it.
    """
    source = SOURCES.get(config.source)
    if source is not None:
        _refuse_settings(config, ())
        return to_dataset(source.load(), config.source, config.source, config)
    path = _existing(config.source)
    kind = _format(path)
    _refuse_settings(config, kind.settings)
    return to_dataset(kind.read(path, config), _name(path), str(path), config)


def open_stream(config: DataConfig, shape: tuple[int, ...], size: int) -> Stream:
    """Open examples by name or path, as `load_dataset` understands them, to go through them once.

    Of .npy, .csv, .parquet and folders of images, no more than a chunk is in memory; what has a
    name, IDX files and .npz archives are read whole.

    Parameters
    ----------
    config : DataConfig
        ``source``, ``labels``, ``shape``, ``range`` and ``resize`` count.
    shape : tuple of int
        The shape that examples must have, (C, H, W) or (D,).
    size : int
        Examples at most in a chunk.

    Returns
    -------
    Stream
        In the order of `load_dataset`.

    Raises
    ------
    DataError
        As for `load_dataset`, but while the stream is gone through; and if examples have another
        shape, except that grey ones become colour.
    """
    if config.source in SOURCES:
        return stream_of(load_dataset(config), shape, size)
    path = _existing(config.source)
    kind = _format(path)
    if kind.stream is None:
        return stream_of(load_dataset(config), shape, size)
    _refuse_settings(config, kind.settings)
    count, raws = kind.stream(path, config, size)
    return Stream(_name(path), count, chunks(raws, str(path), config, shape))


def _existing(source: str) -> Path:
    path = Path(source).expanduser()
    if os.path.exists(path):  # unlike Path.exists, it answers for names that no file can have
        return path
    if not (path.suffix or os.sep in source or "/" in source):
        raise unknown("data source", source, SOURCES, DataError)
    beside = os.listdir(path.parent) if os.access(path.parent, os.R_OK | os.X_OK) else []
    near = get_close_matches(path.name, beside, n=1)
    raise DataError(
        f"There is no file or folder {source}",
        expected=f"a path that exists, or one of {', '.join(source_names())}",
        fix=f"Did you mean {path.with_name(near[0])}?" if near else "",
    )


def _format(path: Path) -> _Format:
    if path.is_dir():
        return _IDX_FOLDER if is_idx(path) else _IMAGE_FOLDER
    suffix = Path(re.sub(r"\.gz$", "", path.name.lower())).suffix
    if path.is_file() and is_idx(path):
        return _IDX
    if not path.is_file() or suffix not in _FORMATS:
        raise DataError(
            f"{path} is of no known format",
            expected=f"a file called {', '.join(_FORMATS)} or ...-idx3-ubyte, "
            "or a folder of PNG or JPEG images",
        )
    return _FORMATS[suffix]


def _refuse_settings(config: DataConfig, understood: tuple[str, ...]) -> None:
    """Refuse what would be ignored: whoever sets it expects it to count."""
    given = {
        "labels": ("a table or array that does not carry labels of its own", config.labels),
        "resize": ("encoded images, in a folder or a Parquet table", config.resize),
    }
    for setting, (place, value) in given.items():
        if value is not None and setting not in understood:
            raise DataError(
                f"data.{setting} means nothing to {config.source}",
                expected=f"it only with {place}",
                fix="Leave it out.",
            )


def _name(path: Path) -> str:
    resolved = path.resolve()
    return resolved.name if resolved.is_dir() else resolved.name.partition(".")[0] or resolved.name
