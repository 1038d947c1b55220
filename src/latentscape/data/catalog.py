"""Loading and describing data by name or path, as a person asks for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentscape.config import DataConfig, validate
from latentscape.data.sources import load_dataset
from latentscape.data.splits import split_dataset
from latentscape.data.statistics import describe
from latentscape.records import Dataset


def load_data(source: str | Path, *, changes: Mapping[str, Any] | None = None) -> Dataset:
    """Load a dataset by name or path.

    Parameters
    ----------
    source : str or Path
        A name such as ``mnist-5k``, or a .npy, .npz, .csv, .parquet or IDX file, or a folder.
    changes : mapping, optional
        Other settings of `DataConfig`: ``labels``, ``shape``, ``range``, ``resize``.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    return load_dataset(_data_config(source, changes))


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
