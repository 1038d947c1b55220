"""What a reader returns: the contents of a file, as batches of the examples that it stores."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.ranges import RangeReason, ValueRange
from latentscape.core.records import Array, Dataset, LeftOut
from latentscape.data.labels import check_label_count
from latentscape.data.regions import Region

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Examples:
    """Consecutive examples as their file stores them.

    Attributes
    ----------
    values : ndarray
        (B, D), (B, H, W), (B, C, H, W) or (B, H, W, C), of any numeric type. From batch to batch,
        integers may become wider, or turn into floats.
    labels : ndarray or None
        (B,) or (B, 1) numbers or texts. Others, such as (B, K), are left out, and said to be.
    metadata : callable or None
        Builds a table of B rows with all else that the file says of the examples: names of files,
        labels, columns that are not values. It is a function because only streams ask for it.
    place : str
        Where the first example is, if a path says it better than a number.
    """

    values: Array
    labels: Array | None = None
    metadata: Callable[[], "pa.Table"] | None = None
    place: str = ""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Images that can be decoded one by one, in any order.

    Attributes
    ----------
    count : int
        How many there are.
    decode : callable
        From a place to the image there, (1, H, W) or (3, H, W), resized as the settings say.
    name, file : callable
        From a place to what the image is called in messages, and to the file that it is in.
    is_archive : bool
        All of them are in one file.
    """

    count: int
    decode: Callable[[int], Array]
    name: Callable[[int], str]
    file: Callable[[int], Path]
    is_archive: bool


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds. All but the batches is known when the file has been opened.

    Attributes
    ----------
    batches : iterator of Examples
        The examples in order. They are read while this is iterated over, once.
    count : int or None
        Number of examples; None where only reading tells.
    channels_first : bool
        Four axes of values are known to be (B, C, H, W). Otherwise they are guessed.
    label_names : tuple of str
        What the labels 0, 1, ... are called, where labels are indices already.
    value_range : tuple of float or None
        The values that stand for 0 and 1, where the format defines them.
    range_reason : str
        As in `Dataset`, of a `value_range` that is there.
    grey_levels : bool
        Unsigned 8-bit values are levels of grey or colour from 0 to 255, as in image files.
    type_widens : bool
        Later batches may have a wider type than the first one.
    n_official_train, n_official_validation : int or None
        As in `Dataset`.
    origin : str
        Where the examples are, if that is not the path that the reader was called with.
    left_out, tests_on_validation : tuple of LeftOut, bool
        As in `Dataset`.
    left_out_at_end : callable
        Returns what else is not used, once all batches are read.
    regions : tuple of Region
        Where the values of all examples, in order, are plain numbers in files; nothing elsewhere.
    encoded : Encoded or None
        The examples, where they are images that are decoded one by one.
    read : callable or None
        Reads the examples from one place up to another as a batch, where that takes no reading of
        those before.
    size : int
        How many are in a batch then, but for the last one.
    beside : tuple of Path
        Other files that were read, such as one of labels.
    labels : ndarray or None
        Those that are in memory beside files of examples.
    """

    batches: Iterator[Examples]
    count: int | None
    channels_first: bool = False
    label_names: tuple[str, ...] = ()
    value_range: ValueRange | None = None
    range_reason: RangeReason = "format"
    grey_levels: bool = False
    type_widens: bool = False
    n_official_train: int | None = None
    n_official_validation: int = 0
    origin: str = ""
    left_out: tuple[LeftOut, ...] = ()
    tests_on_validation: bool = False
    left_out_at_end: Callable[[], tuple[LeftOut, ...]] = tuple
    regions: tuple[Region, ...] = ()
    encoded: Encoded | None = None
    read: Callable[[int, int], Examples] | None = None
    size: int = sys.maxsize
    beside: tuple[Path, ...] = ()
    labels: Array | None = None


Reader = Callable[[Path, DataConfig, int], Contents]
"""Opens a path of one format.

Its arguments are the path, the settings of the data, and the maximum number of examples in a batch.
A file that is damaged, or does not fit the settings, is a DataError: at once or while batches are
read.
"""


def batches_of(read: Callable[[int, int], Examples], count: int, size: int) -> Iterator[Examples]:
    """Read so many examples in batches."""
    return (read(start, min(start + size, count)) for start in range(0, count, size))


def from_arrays(parts: Sequence[Examples], origin: str, size: int = sys.maxsize) -> Contents:
    """Return arrays in memory as contents.

    Parameters
    ----------
    parts : sequence of Examples
        All examples; or the official training part and the official test part; or an official
        validation part between the two.
    origin : str
        Where they come from, for messages.
    size : int
        Maximum number of examples in a batch; by default a part is a batch.

    Raises
    ------
    DataError
        If there are not as many labels as examples, or the parts differ in the shape of an example
        or in having labels.
    """
    for part in parts:
        if part.labels is not None:
            check_label_count(part.labels, len(part.values), origin)
    for other in parts[1:]:
        _check_same_kind(parts[0], other, origin)
    sizes = [len(part.values) for part in parts]
    n_train, n_validation = official_sizes(sizes)
    regions, columns = _regions(parts), [part.labels for part in parts if part.labels is not None]
    return Contents(
        (batch for part in parts for batch in _cut(part, size)),
        sum(sizes),
        n_official_train=n_train,
        n_official_validation=n_validation,
        regions=regions,
        beside=tuple(dict.fromkeys(r.path for r in regions if r.path != regions[0].path)),
        labels=np.concatenate(columns) if regions and columns else None,
    )


def official_sizes(sizes: Sequence[int]) -> tuple[int | None, int]:
    """Return the sizes of the official training and validation part.

    Parameters
    ----------
    sizes : sequence of int
        Of all examples; or of the training and the test part; or of the validation part between
        the two.

    Returns
    -------
    n_official_train : int or None
        None where there is one part.
    n_official_validation : int
        0 where there is none between the two.
    """
    return sizes[0] if len(sizes) > 1 else None, sizes[1] if len(sizes) > 2 else 0


def without_labels(contents: Contents) -> Contents:
    """Leave the labels out of contents."""
    batches = (replace(examples, labels=None) for examples in contents.batches)
    read = contents.read

    def read_without(start: int, stop: int) -> Examples:
        assert read is not None
        return replace(read(start, stop), labels=None)

    return replace(
        contents, batches=batches, label_names=(), read=None if read is None else read_without
    )


def from_dataset(dataset: Dataset, size: int) -> Contents:
    """Return the examples of a dataset as contents, in batches of at most `size`."""
    names = np.array(dataset.label_names, object)

    def read(start: int, stop: int) -> Examples:
        values = dataset.images.read(start, stop)
        labels = None if dataset.labels is None else names[dataset.labels[start:stop]]
        return _part(values, labels)

    return Contents(
        batches_of(read, len(dataset), size),
        len(dataset),
        channels_first=True,
        value_range=dataset.value_range,
        read=read,
        size=size,
    )


def label_table(labels: Array, **columns: list[str]) -> "pa.Table":
    """Return metadata of labelled examples: further columns, then ``label``, or several such."""
    import pyarrow as pa

    flat = labels.reshape(len(labels), -1)
    names = ["label"] if flat.shape[1] == 1 else [f"label{n}" for n in range(flat.shape[1])]
    return pa.table({**columns, **dict(zip(names, flat.T, strict=True))})


def _regions(parts: Sequence[Examples]) -> tuple[Region, ...]:
    """Return where the values of all parts stand; nothing if one is not plain numbers in a file."""
    stored = [getattr(part.values, "stored", part.values) for part in parts]
    regions = tuple(values for values in stored if isinstance(values, Region))
    return regions if len(regions) == len(parts) else ()


def _cut(examples: Examples, size: int) -> Iterator[Examples]:
    for start in range(0, len(examples.values), size):
        labels = None if examples.labels is None else examples.labels[start : start + size]
        yield _part(examples.values[start : start + size], labels)


def _part(values: Array, labels: Array | None) -> Examples:
    if labels is None:
        return Examples(values)
    labels = labels[:, 0] if labels.shape[1:] == (1,) else labels
    return Examples(values, labels, partial(label_table, labels))


def _check_same_kind(train: Examples, other: Examples, origin: str) -> None:
    if train.values.shape[1:] != other.values.shape[1:]:
        raise DataError(
            f"In {origin}, training examples have the shape {train.values.shape[1:]} "
            f"and those of another part {other.values.shape[1:]}",
            expected="one shape",
        )
    if (train.labels is None) != (other.labels is None):
        raise DataError(
            f"In {origin}, only one of two parts has labels", expected="labels in all parts or none"
        )
