"""All examples of a file in memory, as a `Dataset`."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.progress import stage
from latentscape.core.ranges import Extent, ValueRange
from latentscape.core.records import Array, Dataset
from latentscape.data.contents import Contents
from latentscape.data.labels import index_labels
from latentscape.data.limits import check_data_memory
from latentscape.data.streams import Chunk, Layout, convert, decide_range, writable


@stage("reading data")
def to_dataset(
    contents: Contents,
    name: str,
    origin: str,
    config: DataConfig,
    known: ValueRange | None = None,
    least: int = 2,
) -> Dataset:
    """Read all examples of a file: the concatenation of its chunks.

    Parameters
    ----------
    contents : Contents
        What a reader returned.
    name : str
        Short name of the dataset.
    origin : str
        Where the examples come from; begins every message.
    config : DataConfig
        ``shape``, ``range``, ``resize`` and ``grey`` are applied.
    known : tuple of float, optional
        As for `find_range`.
    least : int
        How many examples are needed; two of them to train on one and test on the other.

    Raises
    ------
    DataError
        For values that are not finite numbers, a shape that does not fit, missing labels, an empty
        or unclear range, or fewer examples.
    """
    extent: Extent | None = None

    def chunks() -> Iterator[Chunk]:
        nonlocal extent
        for examples, chunk in convert(contents, origin, config):
            if config.range is None and contents.value_range is None:
                extent = Extent.of(examples.values).joined(extent)
            yield chunk

    whole = concatenate(chunks(), contents.count, origin)
    check_examples(whole.images.shape, config, origin, least)
    labels, label_names, no_labels = index_labels(
        whole.labels, len(whole.images), contents.label_names, origin
    )
    shape = whole.images.shape[1:]
    value_range, reason = decide_range(contents, extent, shape, config, origin, known)
    return Dataset(
        name=name,
        images=whole.images,
        labels=labels,
        label_names=label_names,
        value_range=value_range,
        n_official_train=contents.n_official_train,
        n_official_validation=contents.n_official_validation,
        origin=contents.origin or origin,
        left_out=(*contents.left_out, *contents.left_out_at_end(), *no_labels),
        range_reason=reason,
        tests_on_validation=contents.tests_on_validation,
    )


def check_examples(shape: tuple[int, ...], config: DataConfig, origin: str, least: int = 2) -> None:
    """Refuse too few examples (N, ...), and vectors where settings are for images."""
    if shape[0] < least:
        raise DataError(
            f"{origin} holds {shape[0]} example(s)",
            expected="two or more: one to train on, one to test on" if least > 1 else "one or more",
        )
    if len(shape) == 2 and (config.resize or config.grey):
        raise DataError(
            f"{origin} holds vectors, which have no size and no colours",
            expected="images, for --resize and --grey",
            fix="Say how flat images are laid out: --shape HxW.",
        )


Allocate = Callable[[tuple[int, ...], np.dtype[Any]], Array]
"""From a shape and a type to an array to be filled."""


def concatenate(
    chunks: Iterable[Chunk], count: int | None, origin: str, allocate: Allocate | None = None
) -> Chunk:
    """Put chunks into one, without metadata.

    Parameters
    ----------
    chunks : iterable of Chunk
        If any image is in colour, grey ones become colour; if any value is a float, all become
        floats.
    count : int or None
        Number of examples, if it is known. Then no more than the result and one chunk are in memory
        at a time.
    origin : str
        Where the examples come from, for messages.
    allocate : callable, optional
        Makes the array; by default in memory, which is refused where it does not fit.

    Raises
    ------
    DataError
        If two chunks differ in the shape of an example, or `count` is wrong.
    """
    if count is None:
        chunks = _collect(chunks, origin)
        count = sum(len(chunk.images) for chunk in chunks)
    whole, labels, n_read = Chunk(np.empty((0, 1), np.uint8), (0.0, 1.0)), [], 0
    for chunk in chunks:
        before = whole.images if n_read else None
        images = _put(chunk.images, before, n_read, count, origin, allocate)
        whole = Chunk(images, chunk.value_range)
        labels.append(chunk.labels)
        n_read += len(chunk.images)
    if n_read != count:
        raise wrong_count(origin, n_read, count)
    present = [column for column in labels if column is not None]
    return replace(whole, labels=np.concatenate(present)) if present else whole


def wrong_count(origin: str, count: int, declared: int) -> DataError:
    """Build the error for a source that holds more or fewer examples than it says."""
    return DataError(f"{origin} holds {count} examples", expected=f"the {declared} it declares")


def _collect(chunks: Iterable[Chunk], origin: str) -> list[Chunk]:
    """Return chunks without their tables, of which nobody knows yet how many there are."""
    collected, n_bytes = [], 0
    for chunk in chunks:
        collected.append(replace(chunk, build_metadata=None))
        n_bytes += chunk.images.nbytes
        # All of it stands in memory twice when it becomes one array.
        check_data_memory(f"What has been read of {origin} as one array", n_bytes)
    return collected


def _put(
    part: Array,
    images: Array | None,
    start: int,
    count: int,
    origin: str,
    allocate: Allocate | None,
) -> Array:
    """Copy a part of the images to its place among all of them."""
    if images is None:
        if len(part) == count:
            return writable(part)
        if allocate is None:
            n_bytes = part.dtype.itemsize * count * math.prod(part.shape[1:])
            check_data_memory(f"All {count:,} examples of {origin}", n_bytes)
        images = (allocate or np.empty)((count, *part.shape[1:]), part.dtype)
    layout = Layout.of(images).joined(part, f"example {start} of {origin}")
    images = layout.applied(images)
    images[start : start + len(part)] = layout.applied(part)
    return images
