"""Data: a name or a path becomes a `Dataset`, and a `Dataset` becomes a `Split`.

::

    name or path -> reader -> Raw -> Dataset -> Split
                           -> Raw, Raw, ... -> Stream

Each reader (``idx``, ``csvfile``, ``parquet``, ``arrays``, ``folders``) understands one format and
hands over what it holds as a `Raw`; ``raw`` gives that its final type, axes and label indices. What
need not fit into memory comes bit by bit, as a `Stream`.
"""

from latentscape.data.arrays import load_arrays
from latentscape.data.binarize import binarize_split
from latentscape.data.catalog import (
    check_dataset,
    dataset_of_arrays,
    load_data,
    show_data,
    stream_data,
)
from latentscape.data.labels import known_labels
from latentscape.data.sources import SOURCES, Source, load_dataset, source_names
from latentscape.data.splits import hold_out, split_dataset
from latentscape.data.statistics import check_unit_range, describe, entropy_floor
from latentscape.data.streams import Chunk, Stream

__all__ = [
    "SOURCES",
    "Chunk",
    "Source",
    "Stream",
    "binarize_split",
    "check_dataset",
    "check_unit_range",
    "dataset_of_arrays",
    "describe",
    "entropy_floor",
    "hold_out",
    "known_labels",
    "load_arrays",
    "load_data",
    "load_dataset",
    "show_data",
    "source_names",
    "split_dataset",
    "stream_data",
]
