"""From the contents of a file to images: chunk by chunk, or all of them as a `Dataset`."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.data.contents import Contents, Examples, check_label_count
from latentscape.data.conversion import arrange_axes, compact_dtype
from latentscape.data.imaging import has_colours, resized, to_grey
from latentscape.data.labels import encode_labels
from latentscape.data.limits import check_memory

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive examples of a source, with their final type and axes.

    Attributes
    ----------
    images : ndarray of uint8 or float32
        (B, *shape) as stored. Integers may come as either type, from chunk to chunk.
    value_range : tuple of float
        The stored values that stand for 0 and for 1.
    is_declared : bool
        Whether the source or the settings say that range, and not the type of the values alone.
    labels : ndarray or None
        (B,) numbers or texts, as the source has them.
    build_metadata : callable or None
        Builds `metadata`.
    """

    images: Array
    value_range: tuple[float, float]
    is_declared: bool = False
    labels: Array | None = None
    build_metadata: Callable[[], "pa.Table"] | None = None

    @property
    def metadata(self) -> "pa.Table | None":
        """B rows of all else that the source says of the examples; None if that is nothing.

        The name of the file (``id``), the label, columns that are not values.
        """
        return None if self.build_metadata is None else self.build_metadata()


@dataclass(frozen=True, eq=False)
class Stream:
    """Examples that are read while they are iterated over, once.

    Attributes
    ----------
    name : str
        Where they come from.
    count : int or None
        Number of examples, where that is known before they are read.
    chunks : iterator of Chunk
        The examples, in order.
    label_names : tuple of str
        What the labels 0, 1, ... are called, where labels are indices already.
    """

    name: str
    count: int | None
    chunks: Iterator[Chunk]
    label_names: tuple[str, ...] = ()


def stream_contents(
    contents: Contents, name: str, origin: str, config: DataConfig, shape: tuple[int, ...]
) -> Stream:
    """Convert the examples of a file while they are read.

    Parameters
    ----------
    contents : Contents
        What a reader returned.
    name : str
        Name of the stream.
    origin : str
        Where the examples come from; begins every message.
    config : DataConfig
        ``shape``, ``range``, ``resize`` and ``grey`` are applied.
    shape : tuple of int
        The shape that examples must have then. Flat examples are laid out in it, grey images
        become colour, and images that are grey in three channels become those of one.

    Returns
    -------
    Stream
        Raises a DataError while it is iterated over, for values that are not finite numbers and
        for examples of another shape.
    """
    chunks = _stream_chunks(contents, origin, config, shape)
    return Stream(name, contents.count, chunks, contents.label_names)


def to_dataset(contents: Contents, name: str, origin: str, config: DataConfig) -> Dataset:
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

    Raises
    ------
    DataError
        For values that are not finite numbers, a shape that does not fit, missing labels, an empty
        range, or fewer than two examples.
    """
    chunks = (chunk for _, chunk in _convert(contents, origin, config))
    whole = concatenate(chunks, contents.count, origin)
    if len(whole.images) < 2:
        raise DataError(
            f"{origin} holds {len(whole.images)} example(s)",
            expected="two or more: one to train on, one to test on",
        )
    if whole.images.ndim == 2 and (config.resize or config.grey):
        raise DataError(
            f"{origin} holds vectors, which have no size and no colours",
            expected="images, for --resize and --grey",
            fix="Say how flat images are laid out: --shape HxW.",
        )
    labels, label_names = index_labels(whole, contents.label_names, origin)
    return Dataset(
        name=name,
        images=whole.images,
        labels=labels,
        label_names=label_names,
        value_range=whole.value_range,
        n_official_train=contents.n_official_train,
        n_official_validation=contents.n_official_validation,
        origin=contents.origin or origin,
        left_out=contents.left_out,
    )


def concatenate(chunks: Iterable[Chunk], count: int | None, origin: str) -> Chunk:
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

    Raises
    ------
    DataError
        If two chunks differ in the shape of an example, or `count` is wrong.
    """
    if count is None:
        chunks = _collect(chunks, origin)
        count = sum(len(chunk.images) for chunk in chunks)
    whole, labels, n_read = Chunk(np.empty((0, 1), np.uint8), (0.0, 255.0)), [], 0
    for chunk in chunks:
        images = _put(chunk.images, whole.images if n_read else None, n_read, count, origin)
        # Types widen: the last range holds for all.
        whole = Chunk(images, chunk.value_range, chunk.is_declared)
        labels.append(chunk.labels)
        n_read += len(chunk.images)
    if n_read != count:
        raise DataError(f"{origin} holds {n_read} examples", expected=f"the {count} it declares")
    present = [column for column in labels if column is not None]
    return replace(whole, labels=np.concatenate(present)) if present else whole


def _collect(chunks: Iterable[Chunk], origin: str) -> list[Chunk]:
    """Return chunks without their tables, of which nobody knows yet how many there are."""
    collected, n_bytes = [], 0
    for chunk in chunks:
        collected.append(replace(chunk, build_metadata=None))
        n_bytes += chunk.images.nbytes
        # All of it stands in memory twice when it becomes one array.
        check_memory(n_bytes, f"What has been read of {origin} as one array")
    return collected


def _put(part: Array, images: Array | None, start: int, count: int, origin: str) -> Array:
    """Copy a part of the images to its place among all of them."""
    if images is None:
        if len(part) == count:
            return _writable(part)
        n_bytes = part.dtype.itemsize * count * math.prod(part.shape[1:])
        check_memory(n_bytes, f"All {count:,} examples of {origin}")
        images = np.empty((count, *part.shape[1:]), part.dtype)
    images = _colour_like(images, part.shape[1:])
    part = _colour_like(part, images.shape[1:])
    if part.shape[1:] != images.shape[1:]:
        raise DataError(
            f"From example {start} of {origin} on, examples have the shape {part.shape[1:]}",
            expected=f"that of the examples before, {images.shape[1:]}",
            fix="Resize images while they are read (--resize).",
        )
    images = images.astype(np.promote_types(images.dtype, part.dtype), copy=False)
    images[start : start + len(part)] = part
    return images


def _stream_chunks(
    contents: Contents, origin: str, config: DataConfig, shape: tuple[int, ...]
) -> Iterator[Chunk]:
    declared = (config.range or contents.value_range) is not None
    if contents.find_range is not None and config.range is None:
        contents = replace(contents, value_range=contents.find_range())
    first = 0
    for examples, chunk in _convert(contents, origin, config):
        place = examples.place or f"example {first} of {origin}"
        images = _writable(_to_shape(chunk.images, shape, place))
        yield replace(chunk, images=images, is_declared=declared)
        first += len(chunk.images)


def _convert(
    contents: Contents, origin: str, config: DataConfig
) -> Iterator[tuple[Examples, Chunk]]:
    """Give each batch its final type, axes and range."""
    first = 0
    for examples in contents.batches:
        values = compact_dtype(examples.values, origin, first)
        images = arrange_axes(values, config.shape, origin, contents.channels_first)
        images = _as_asked(images, config, examples.place or origin)
        value_range = _value_range(examples.values.dtype, contents, config)
        declared = (config.range or contents.value_range) is not None
        yield examples, Chunk(images, value_range, declared, examples.labels, examples.metadata)
        first += len(images)


def _value_range(dtype: DTypeLike, contents: Contents, config: DataConfig) -> tuple[float, float]:
    """Return the values that stand for 0 and 1: by the settings, the format, or the type."""
    by_dtype = (0.0, 1.0) if np.dtype(dtype).kind in "bf" else (0.0, 255.0)
    low, high = config.range or contents.value_range or by_dtype
    if not (np.isfinite([low, high]).all() and low < high):
        raise DataError(
            f"The range of values [{low:g}, {high:g}] is none",
            expected="two numbers, the smaller one first",
            fix="Set data.range.",
        )
    return float(low), float(high)


def _as_asked(images: Array, config: DataConfig, origin: str) -> Array:
    """Make images (B, C, H, W) grey, and resize them, where the settings say so."""
    if images.ndim == 4 and config.grey:
        images = to_grey(images, origin)
    if images.ndim == 4 and config.resize:
        images = resized(images, config.resize)
    return images


def _to_shape(images: Array, shape: tuple[int, ...], place: str) -> Array:
    """Bring examples (B, ...) to a shape: flat ones are laid out, grey ones become colour."""
    images = _colour_like(images, shape)
    if len(shape) == 3 and shape[0] == 1 and images.ndim == 4 and not has_colours(images):
        images = images[:, :1]
    if images.shape[1:] == shape:
        return images
    if 2 in (images.ndim, len(shape) + 1) and math.prod(images.shape[1:]) == math.prod(shape):
        return images.reshape(-1, *shape)
    raise DataError(
        f"From {place} on, examples have the shape {images.shape[1:]}",
        expected=f"that of the examples that the model was trained on, {shape}",
        fix=_conversions(images.shape[1:], shape),
    )


def _conversions(shape: tuple[int, ...], target: tuple[int, ...]) -> str:
    """Say which settings turn examples of a shape into those of another; '' where none does."""
    if len(shape) != 3 or len(target) != 3:
        return ""
    options = []
    if shape[1:] != target[1:]:
        options.append(f"--resize {target[1]}x{target[2]}")
    if shape[0] == 3 and target[0] == 1:
        options.append("--grey")
    convertible = shape[0] == target[0] or (shape[0], target[0]) in ((3, 1), (1, 3))
    return f"Have them converted: {' '.join(options)}." if options and convertible else ""


def _writable(images: Array) -> Array:
    """Return images in C order and writable, as PyTorch needs them; a copy only if they are not."""
    return np.require(images, requirements=["C", "W"])


def _colour_like(images: Array, shape: tuple[int, ...]) -> Array:
    """Repeat grey images (B, 1, H, W) if `shape` is (3, H, W); return others as they are."""
    grey = images.ndim == 4 and images.shape[1] == 1 and shape == (3, *images.shape[2:])
    return np.repeat(images, 3, axis=1) if grey else images


def index_labels(
    whole: Chunk, label_names: tuple[str, ...], origin: str
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return the labels of a chunk as indices, and what they are called.

    Parameters
    ----------
    whole : Chunk
        All examples.
    label_names : tuple of str
        What labels are called that are indices already.
    origin : str
        Where the examples come from, for messages.

    Raises
    ------
    DataError
        If there is not one label for each example.
    """
    if whole.labels is None:
        return None, ()
    check_label_count(whole.labels, len(whole.images), origin)
    if label_names:
        return whole.labels.astype(np.int64), label_names
    return encode_labels(whole.labels, origin)
