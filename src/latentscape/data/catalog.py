"""Loading and describing data by name or path, as a person asks for them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentscape.config import DataConfig, validate
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.data.raw import Raw, to_dataset
from latentscape.data.sources import load_dataset, open_stream
from latentscape.data.splits import split_dataset
from latentscape.data.statistics import describe
from latentscape.data.streams import Stream, stream_of
from latentscape.data.values import compact


def load_data(source: str | Path, *, changes: Mapping[str, Any] | None = None) -> Dataset:
    """Load a dataset by name or path.

    Parameters
    ----------
    source : str or Path
        A name such as ``mnist-5k``, or a .npy, .npz, .csv, .parquet or IDX file, or a folder.
    changes : mapping, optional
        Other settings of `DataConfig`: ``labels``, ``shape``, ``range``, ``resize``.

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
    changes: Mapping[str, Any] | None = None,
) -> Stream:
    """Go through examples once, of which not all need fit into memory.

    Parameters
    ----------
    source, changes
        As for `load_data`; or a dataset in memory.
    shape : tuple of int
        The shape that examples must have, (C, H, W) or (D,).
    size : int
        Examples at most in a chunk.

    Returns
    -------
    Stream
        See `open_stream`.

    Raises
    ------
    DataError
        If the data cannot be read: here, or while the stream is gone through.
    """
    if isinstance(source, Dataset):
        return stream_of(check_dataset(source), shape, size)
    return open_stream(_data_config(source, changes), shape, size)


def dataset_of_arrays(values: Array, labels: Array | None, name: str) -> Dataset:
    """Make a dataset of arrays in memory.

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
        If values and labels are not as many, or not finite numbers.
    """
    return to_dataset(Raw(values, labels), name, name, DataConfig(source=name))


def check_dataset(dataset: Dataset) -> Dataset:
    """Check a dataset made in memory as one that was read would be.

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
    if dataset.labels is not None and len(dataset.labels) != len(dataset):
        raise DataError(
            f"{dataset.name} holds {len(dataset)} examples but {len(dataset.labels)} labels",
            expected="a label for each example",
        )
    return replace(dataset, images=compact(dataset.images, dataset.name))


def show_data(source: str | Path, *, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe a source and how it is split.

    Parameters
    ----------
    source : str or Path
        Name or path.
    changes : mapping, optional
        Other settings of `DataConfig`.

    Returns
    -------
    dict
        Counts, shape, range, labels, split sizes, fingerprint, entropy floor in nats per pixel.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    config = _data_config(source, changes)
    dataset = load_dataset(config)
    return describe(dataset, split_dataset(dataset, config))


def _data_config(source: str | Path, changes: Mapping[str, Any] | None) -> DataConfig:
    return validate(DataConfig, {"source": str(source), **(changes or {})}, "the data settings")
