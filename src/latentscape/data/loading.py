"""Loading, streaming and summarizing data by name or path, with settings as a mapping."""

from dataclasses import replace
from pathlib import Path

from latentscape.config import Changes, DataConfig, validate
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.data.contents import Examples, check_label_count, from_arrays
from latentscape.data.conversion import compact_dtype
from latentscape.data.sources import load_dataset, open_stream, stream_dataset
from latentscape.data.splits import split_dataset
from latentscape.data.statistics import DataSummary, summarize
from latentscape.data.streams import Stream, to_dataset


def load_data(source: str | Path, *, changes: Changes | None = None) -> Dataset:
    """Load a dataset by name or path.

    Parameters
    ----------
    source : str or Path
        A name such as ``mnist-5k``, or a .npy, .npz, .csv, .parquet or IDX file, or a folder.
    changes : mapping, optional
        Other settings of `DataConfig`: ``labels``, ``shape``, ``range``, ``resize``, ``grey``.

    Returns
    -------
    Dataset
        All examples; an official test part comes last.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    return load_dataset(_data_config(source, changes))


def stream_data(
    source: str | Path | Dataset,
    shape: tuple[int, ...],
    size: int,
    *,
    changes: Changes | None = None,
) -> Stream:
    """Iterate over examples once, of which not all need fit into memory.

    Parameters
    ----------
    source, changes
        As for `load_data`; or a dataset in memory.
    shape : tuple of int
        The shape that examples must have, (C, H, W) or (D,).
    size : int
        Maximum number of examples in a chunk.

    Returns
    -------
    Stream
        See `open_stream`.

    Raises
    ------
    DataError
        If the data cannot be read: here, or while the stream is iterated over.
    """
    if isinstance(source, Dataset):
        return stream_dataset(check_dataset(source), shape, size)
    return open_stream(_data_config(source, changes), shape, size)


def dataset_of_arrays(values: Array, labels: Array | None, name: str) -> Dataset:
    """Build a dataset from arrays in memory.

    Parameters
    ----------
    values : ndarray
        (N, D) vectors, or images (N, H, W), (N, C, H, W) or (N, H, W, C).
    labels : ndarray or None
        (N,) numbers or texts.
    name : str
        What to call it.

    Raises
    ------
    DataError
        If there are not as many labels as values, or values are not finite numbers.
    """
    contents = from_arrays([Examples(values, labels)], name)
    return to_dataset(contents, name, name, DataConfig(source=name))


def check_dataset(dataset: Dataset) -> Dataset:
    """Check a dataset built in memory as one that was read would be.

    Parameters
    ----------
    dataset : Dataset
        Images of any number type, labels or none.

    Returns
    -------
    Dataset
        With uint8 or float32 values.

    Raises
    ------
    DataError
        For values that are not finite numbers, labels of another count, or fewer than two examples.
    """
    if len(dataset) < 2:
        raise DataError(f"{dataset.name} holds {len(dataset)} example(s)", expected="two or more")
    if dataset.labels is not None:
        check_label_count(dataset.labels, len(dataset), dataset.name)
    return replace(dataset, images=compact_dtype(dataset.images, dataset.name))


def show_data(source: str | Path, *, changes: Changes | None = None) -> DataSummary:
    """Summarize a source and how it is split.

    Parameters
    ----------
    source : str or Path
        Name or path.
    changes : mapping, optional
        Other settings of `DataConfig`.

    Returns
    -------
    DataSummary
        Counts, shape, range, labels, split sizes, fingerprint, entropy floor in nats per pixel.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    config = _data_config(source, changes)
    dataset = load_dataset(config)
    return summarize(dataset, split_dataset(dataset, config))


def _data_config(source: str | Path, changes: Changes | None) -> DataConfig:
    return validate(DataConfig, {"source": str(source), **(changes or {})}, "the data settings")
