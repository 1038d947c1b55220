"""Data: a name or a path becomes a `Dataset`, and a `Dataset` becomes a `Split`.

::

    path -> Format (its reader) -> Contents (batches of Examples) -> chunks -> Dataset -> Split
    name -> Source --------------> Contents

Each module of ``formats`` reads one format, batch by batch. ``streams`` converts batches to chunks
with their final type and axes. A dataset is the concatenation of the chunks; what need not fit into
memory is used chunk by chunk, as a `Stream`.
"""

from latentscape.data.arrays import load_arrays
from latentscape.data.binarize import binarize_split
from latentscape.data.contents import Contents, Examples, Reader
from latentscape.data.duplicates import Duplicates, count_duplicates
from latentscape.data.formats.registry import FORMATS, Format, has_suffix
from latentscape.data.labels import NO_LABELS, index_labels, known_labels, why_unlabelled
from latentscape.data.loading import (
    as_dataset,
    data_name,
    dataset_of_arrays,
    load_data,
    show_data,
    stream_data,
    stream_files,
)
from latentscape.data.row_labels import INSTEAD, RowLabels, find_row_labels, is_label_file
from latentscape.data.sources import SOURCES, Source, load_dataset, source_names
from latentscape.data.splits import hold_out, split_dataset
from latentscape.data.statistics import (
    DataSummary,
    check_unit_range,
    entropy_floor,
    summarize,
    value_limits,
)
from latentscape.data.streams import Chunk, Stream
from latentscape.data.whole import concatenate

__all__ = [
    "FORMATS",
    "INSTEAD",
    "NO_LABELS",
    "SOURCES",
    "Chunk",
    "Contents",
    "DataSummary",
    "Duplicates",
    "Examples",
    "Format",
    "Reader",
    "RowLabels",
    "Source",
    "Stream",
    "as_dataset",
    "binarize_split",
    "data_name",
    "check_unit_range",
    "concatenate",
    "count_duplicates",
    "dataset_of_arrays",
    "entropy_floor",
    "find_row_labels",
    "has_suffix",
    "hold_out",
    "index_labels",
    "is_label_file",
    "known_labels",
    "load_arrays",
    "load_data",
    "load_dataset",
    "show_data",
    "source_names",
    "split_dataset",
    "stream_data",
    "stream_files",
    "summarize",
    "why_unlabelled",
    "value_limits",
]
