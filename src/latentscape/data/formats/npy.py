"""Arrays in .npy files, mapped into memory while they are read."""

import math
from functools import partial
from pathlib import Path

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.arrays import map_array
from latentscape.data.contents import Contents, Examples, batches_of, label_table
from latentscape.data.labels import NO_LABELS, check_label_count
from latentscape.data.regions import Region

_BATCH = 4 << 20
"""Maximum bytes of a batch, since each is copied from the file before it is copied to its place."""


def read_npy(path: Path, config: DataConfig, size: int) -> Contents:
    """Read an array (N, D), (N, H, W), (N, C, H, W) or (N, H, W, C); see `Reader`.

    ``config.labels`` may name a .npy file of N labels, here or beside `path`.
    """
    array = map_array(path)
    region = _region(path, array)
    named = config.labels not in (None, NO_LABELS)
    labels = find_label_file(path, str(config.labels)) if named else None
    if labels is not None:
        check_label_count(map_array(labels), len(array), str(path))
    n_bytes = array.dtype.itemsize * math.prod(array.shape[1:])
    size = min(size, max(_BATCH // max(n_bytes, 1), 1))
    read = partial(_read, path, labels)
    return Contents(
        batches_of(read, len(array), size),
        len(array),
        regions=() if region is None else (region,),
        read=read,
        size=size,
        beside=() if labels is None else (labels,),
    )


def _region(path: Path, array: Array) -> Region | None:
    """Return where the examples of a mapped array stand; None if they are not one after another."""
    if not isinstance(array, np.memmap) or not array.flags.c_contiguous or array.ndim < 2:
        return None
    return Region(path, array.offset, array.shape, array.dtype)


def find_label_file(path: Path, name: str) -> Path:
    """Find a file of labels here or beside the examples in `path`; a DataError if there is none."""
    here = Path(name).expanduser()
    file = here if here.is_file() else path.parent / here
    if not file.is_file():
        raise DataError(
            f"There is no file {name}, here or beside {path}",
            expected=f"a .npy file with a label for each example of {path.name}",
        )
    return file


def _read(path: Path, labels: Path | None, start: int, stop: int) -> Examples:
    # Mapped anew for each batch: what has been read of a mapped file counts as memory in use.
    values = map_array(path)[start:stop]
    if labels is None:
        return Examples(values)
    batch_labels = map_array(labels)[start:stop].copy()
    return Examples(values, batch_labels, partial(label_table, batch_labels))
