"""Where examples come from: sources with a name, and paths in a known format."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from latentscape.config import DataConfig
from latentscape.core.errors import DataError, unknown
from latentscape.core.fetched import local
from latentscape.core.ranges import ValueRange
from latentscape.core.records import Dataset
from latentscape.core.stores import ResidentStore
from latentscape.core.urls import url_of
from latentscape.data.bundled import load_digits, load_mnist_5k
from latentscape.data.contents import Contents, from_dataset, without_labels
from latentscape.data.formats.registry import find_format
from latentscape.data.inventory import Reading
from latentscape.data.labels import NO_LABELS
from latentscape.data.mnist import FASHION_MNIST, MNIST
from latentscape.data.row_labels import find_row_labels, is_label_file, label_rows, reading_config
from latentscape.data.stores import read_dataset
from latentscape.data.streams import Ranges, Stream, find_range, stream_contents


@dataclass(frozen=True)
class Source:
    """A data set that has a name.

    Attributes
    ----------
    about : str
        What it is, in a line.
    load : callable
        Finds, converts or downloads it, and returns its contents.
    """

    about: str
    load: Callable[[], Contents]


SOURCES: dict[str, Source] = {
    "mnist-5k": Source(
        "5,000 real MNIST digits, 28x28 grey; comes with Latentscape", load_mnist_5k
    ),
    "mnist": Source("70,000 handwritten digits, 28x28 grey; 11 MB download", MNIST.load),
    "fashion-mnist": Source(
        "70,000 pieces of clothing, 28x28 grey; 30 MB download", FASHION_MNIST.load
    ),
    "digits": Source("1,797 handwritten digits, 8x8 grey; comes with Latentscape", load_digits),
}


def source_names() -> list[str]:
    """Return the names of the sources that have one."""
    return sorted(SOURCES)


def load_dataset(config: DataConfig, known: ValueRange | None = None) -> Dataset:
    """Load examples by name or path, with the config's labels, shape, range and size applied.

    Parameters
    ----------
    config : DataConfig
        ``source`` is one of `source_names`, or a path in one of the formats of the registry: a
        table (.csv, .parquet), arrays (.npy, .npz), an IDX file, or a folder of images or IDX
        files. Of a URL, as in ``s3://bucket/images.npz``, a copy is fetched into the cache.
    known : tuple of float, optional
        The range of the data of a trained model: the values that stand for 0 and 1 where the
        examples do not show them and lie between.

    Returns
    -------
    Dataset
        All examples, in memory.

    Raises
    ------
    DataError
        If there is no such source, it cannot be read, a setting does not fit it, or its values can
        be read in more than one way.
    """
    if config.source in SOURCES:
        name = config.source
        return read_dataset(Reading(partial(_open_named, config), name, name, config))
    path, config = _existing_path(config.source), _with_local_labels(config)
    open_path = partial(_open, path, config)
    dataset = read_dataset(Reading(open_path, _name(path), str(path), config, known, path))
    if dataset.origin != str(path):
        return dataset
    return replace(dataset, origin=url_of(config.source) or str(path.absolute()))


def open_stream(
    config: DataConfig, shape: tuple[int, ...], size: int, known: ValueRange | None = None
) -> Stream:
    """Open examples by name or path, as `load_dataset` does, to iterate over them once.

    Of .npy, .csv, .parquet and folders of images, no more than a chunk is in memory. Named sources,
    IDX files and .npz archives are read whole. Files are read twice where only their end shows
    which values stand for 0 and 1, unless ``config.range`` says it.

    Parameters
    ----------
    config : DataConfig
        ``source``, ``labels``, ``shape``, ``range``, ``resize`` and ``grey`` count.
    shape : tuple of int
        The shape that examples must have, (C, H, W) or (D,).
    size : int
        Maximum number of examples in a chunk.
    known : tuple of float, optional
        As for `load_dataset`.

    Returns
    -------
    Stream
        In the order of `load_dataset`.

    Raises
    ------
    DataError
        As for `load_dataset`, but while the stream is iterated over; and if examples have another
        shape, except that grey ones become colour.
    """
    if config.source in SOURCES:
        return stream_dataset(load_dataset(config), shape, size)
    path, typed, config = _existing_path(config.source), config, _with_local_labels(config)

    def value_range() -> ValueRange:
        return find_range(_open(path, config, size), str(path), config, known)

    contents = _open(path, config, size)
    stream = stream_contents(contents, value_range, _name(path), str(path), config, shape)
    about = value_range, str(path), config, shape
    return replace(stream, ranges=_ranges(contents, partial(_open_source, typed), *about))


def stream_dataset(dataset: Dataset, shape: tuple[int, ...], size: int) -> Stream:
    """Iterate over a dataset, in memory or not; see `open_stream`."""
    contents = from_dataset(dataset, size)
    name, config = dataset.name, DataConfig()
    stream = stream_contents(contents, lambda: dataset.value_range, name, name, config, shape)
    if isinstance(dataset.images, ResidentStore):
        return stream
    about = (lambda: dataset.value_range), name, config, shape
    return replace(stream, ranges=_ranges(contents, partial(from_dataset, dataset), *about))


def _ranges(
    contents: Contents,
    anew: Callable[[int], Contents],
    find_range: Callable[[], ValueRange],
    origin: str,
    config: DataConfig,
    shape: tuple[int, ...],
) -> Ranges | None:
    """Return contents as ranges, which other processes open anew; None where they cannot be."""
    if contents.read is None or not contents.count:
        return None
    return Ranges(anew, contents.count, contents.size, find_range, origin, config, shape)


def _open_named(config: DataConfig, size: int) -> Contents:
    """Open a source that has a name; its batches are of any size."""
    labels = find_row_labels(config.labels)
    if labels is not None:
        contents = _open_named(reading_config(config, labels), size)
        return label_rows(contents, labels, config.source)
    _refuse_unused_settings(config, ())
    contents = SOURCES[config.source].load()
    return without_labels(contents) if config.labels == NO_LABELS else contents


def _open_source(config: DataConfig, size: int) -> Contents:
    """Open a source that has no name, wherever this process runs."""
    return _open(_existing_path(config.source), _with_local_labels(config), size)


def _open(path: Path, config: DataConfig, size: int) -> Contents:
    labels = find_row_labels(config.labels, path)
    if labels is not None:
        contents = _open(path, reading_config(config, labels), size)
        return label_rows(contents, labels, str(path))
    data_format = find_format(path)
    _refuse_unused_settings(config, data_format.settings)
    contents = data_format.read(path, config, size)
    return without_labels(contents) if config.labels == NO_LABELS else contents


def _existing_path(source: str) -> Path:
    path = local(source, DataError)
    if os.path.exists(path):  # unlike Path.exists, it answers for names that no file can have
        return path
    if not (path.suffix or os.sep in source or "/" in source):
        raise unknown("data source", source, SOURCES, DataError)
    names = os.listdir(path.parent) if os.access(path.parent, os.R_OK | os.X_OK) else []
    near = get_close_matches(path.name, names, n=1)
    raise DataError(
        f"There is no file or folder {source}",
        expected=f"a path that exists, or one of {', '.join(source_names())}",
        fix=f"Did you mean {path.with_name(near[0])}?" if near else "",
    )


def _with_local_labels(config: DataConfig) -> DataConfig:
    """Fetch a file of labels that stands at a URL."""
    if config.labels is None or url_of(config.labels) is None:
        return config
    return config.model_copy(update={"labels": str(local(config.labels, DataError))})


def _refuse_unused_settings(config: DataConfig, used: tuple[str, ...]) -> None:
    """Refuse what would be ignored: whoever sets it expects it to count."""
    if config.labels not in (None, NO_LABELS) and "labels" not in used:
        if is_label_file(config.labels) and not Path(config.labels).expanduser().is_file():
            raise DataError(
                f"There is no file {config.labels}", expected="a file of labels, by row"
            )
        raise DataError(
            f"data.labels means nothing to {config.source}",
            expected="it only with a table or array that does not carry labels of its own, or the "
            "name of a file that 'latentscape labels' has written",
            fix="Leave it out, or say '--labels none' to use no labels.",
        )


def _name(path: Path) -> str:
    resolved = path.resolve()
    return resolved.name if resolved.is_dir() else resolved.name.partition(".")[0] or resolved.name
