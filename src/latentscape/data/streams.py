"""Examples in chunks, one after the other, so that data need not fit into memory."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.data.raw import Raw, labelled, range_of
from latentscape.data.values import arrange, compact

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some examples that follow each other in their source.

    Attributes
    ----------
    images : ndarray of uint8 or float32
        (B, *shape) as stored. Integers may come as either type, from chunk to chunk.
    value_range : tuple of float
        The stored values that stand for 0 and for 1.
    labels : ndarray or None
        (B,) numbers or texts, as the source has them.
    along : pyarrow.Table or None
        B rows of all else that the source says of them: the name of the file (``id``), the label,
        columns that are no values.
    """

    images: Array
    value_range: tuple[float, float]
    labels: Array | None
    along: "pa.Table | None"


@dataclass(frozen=True, eq=False)
class Stream:
    """Examples that are read while they are gone through, once.

    Attributes
    ----------
    name : str
        Where they come from.
    count : int or None
        How many there are, where that is known before.
    chunks : iterator of Chunk
        The examples, in order.
    """

    name: str
    count: int | None
    chunks: Iterator[Chunk]


def stream_of(dataset: Dataset, shape: tuple[int, ...], size: int) -> Stream:
    """Go through a dataset in memory.

    Parameters
    ----------
    dataset : Dataset
        The examples.
    shape : tuple of int
        The shape that they must have.
    size : int
        Examples at most in a chunk.

    Returns
    -------
    Stream
        Which raises a DataError if they have another shape.
    """
    return Stream(dataset.name, len(dataset), _cut(dataset, shape, size))


def chunks(
    raws: Iterable[Raw], origin: str, config: DataConfig, shape: tuple[int, ...]
) -> Iterator[Chunk]:
    """Give what a format's reader finds its final type, axes and range.

    Parameters
    ----------
    raws : iterable of Raw
        The examples, bit by bit.
    origin : str
        Where they come from; begins every message.
    config : DataConfig
        ``shape`` and ``range`` are applied.
    shape : tuple of int
        The shape that they must have then.

    Raises
    ------
    DataError
        For values that are not finite numbers, or another shape.
    """
    first = 0
    for raw in raws:
        values = compact(raw.values, origin, first)
        images = arrange(values, config.shape, origin, raw.channels_first)
        place = raw.origin or f"example {first} of {origin}"
        images = _as_wanted(images, shape, place)
        yield Chunk(images, range_of(raw, config), raw.labels, raw.along)
        first += len(images)


def _as_wanted(images: Array, shape: tuple[int, ...], place: str) -> Array:
    """Bring examples (B, ...) to a shape: flat ones are laid out, grey ones become colour."""
    if images.shape[1:] != shape and 2 in (images.ndim, len(shape) + 1):
        if math.prod(images.shape[1:]) == math.prod(shape):
            return images.reshape(-1, *shape)
    grey = images.shape[1:2] == (1,) and shape[:1] == (3,)
    if grey and images.shape[2:] == shape[1:]:
        return np.repeat(images, 3, axis=1)
    if images.shape[1:] == shape:
        return images
    fix = ""
    if len(shape) == 3:
        size = f"{shape[1]}x{shape[2]}"
        fix = f"Say how flat examples are laid out (--shape {size}), or resize images (--resize)."
    raise DataError(
        f"From {place} on, examples have the shape {images.shape[1:]}",
        expected=f"that of the examples that the model was trained on, {shape}",
        fix=fix,
    )


def _cut(dataset: Dataset, shape: tuple[int, ...], size: int) -> Iterator[Chunk]:
    names = np.array(dataset.label_names, object)
    for start in range(0, len(dataset), size):
        some = slice(start, start + size)
        images = _as_wanted(dataset.images[some], shape, f"example {start} of {dataset.name}")
        images = np.require(images, requirements=["C", "W"])
        labels = None if dataset.labels is None else names[dataset.labels[some]]
        along = None if labels is None else labelled(labels)
        yield Chunk(images, dataset.value_range, labels, along)
