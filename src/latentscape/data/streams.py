"""From the contents of a file to images, chunk by chunk."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.ranges import Extent, RangeReason, ValueRange, choose_range
from latentscape.core.records import Array
from latentscape.data.contents import Contents, Examples
from latentscape.data.conversion import arrange_axes, compact_dtype, mixed_depth
from latentscape.data.imaging import as_asked, has_colours

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
    labels : ndarray or None
        (B,) numbers or texts, as the source has them.
    build_metadata : callable or None
        Builds `metadata`.
    """

    images: Array
    value_range: tuple[float, float]
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
    ranges : Ranges or None
        The same examples, where any process can read some of them without those before.
    """

    name: str
    count: int | None
    chunks: Iterator[Chunk]
    label_names: tuple[str, ...] = ()
    ranges: "Ranges | None" = None


@dataclass(frozen=True, eq=False)
class Ranges:
    """Examples of which any process can read some, without reading those before them.

    Attributes
    ----------
    open : callable
        Opens the source, with at most so many examples in a batch. It can be pickled.
    count, size : int
        How many examples there are, and how many are in a chunk of their stream.
    find_range : callable
        Returns the values that stand for 0 and 1.
    origin, config, shape
        As for `stream_contents`.
    """

    open: Callable[[int], Contents]
    count: int
    size: int
    find_range: Callable[[], ValueRange]
    origin: str
    config: DataConfig
    shape: tuple[int, ...]

    def decided(self) -> "Ranges":
        """Return the same, once it is clear which values stand for 0 and 1, wherever they are."""
        value_range = self.find_range()
        return replace(self, find_range=partial(_same, value_range))

    def reader(self) -> Callable[[int, int], Chunk]:
        """Open the source, and return what reads the examples from one place up to another."""
        contents, value_range = self.open(self.size), self.find_range()
        assert contents.read is not None
        read = contents.read
        # Of one type with the first, as those of a stream are.
        dtype = read(0, 1).values.dtype if contents.grey_levels else None

        def read_chunk(start: int, stop: int) -> Chunk:
            part = replace(contents, batches=iter([read(start, stop)]))
            [chunk] = _stream_chunks(
                part, lambda: value_range, self.origin, self.config, self.shape, start, dtype
            )
            return chunk

        return read_chunk

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, places: Sequence[int]) -> Array:
        """Read single examples."""
        read = self.reader()
        return np.concatenate([read(place, place + 1).images for place in places])


def _same(value_range: ValueRange) -> ValueRange:
    return value_range


def stream_contents(
    contents: Contents,
    value_range: Callable[[], ValueRange],
    name: str,
    origin: str,
    config: DataConfig,
    shape: tuple[int, ...],
) -> Stream:
    """Convert the examples of a file while they are read.

    Parameters
    ----------
    contents : Contents
        What a reader returned.
    value_range : callable
        Returns the values that stand for 0 and 1. It is called before the first batch.
    name : str
        Name of the stream.
    origin : str
        Where the examples come from; begins every message.
    config : DataConfig
        ``shape``, ``resize`` and ``grey`` are applied.
    shape : tuple of int
        The shape that examples must have then. Flat examples are laid out in it, grey images
        become colour, and images that are grey in three channels become those of one.

    Returns
    -------
    Stream
        Raises a DataError while it is iterated over, for values that are not finite numbers and
        for examples of another shape.
    """
    chunks = _stream_chunks(contents, value_range, origin, config, shape)
    return Stream(name, contents.count, chunks, contents.label_names)


def find_range(
    contents: Contents, origin: str, config: DataConfig, known: ValueRange | None = None
) -> ValueRange:
    """Read the examples of a file until it is clear which values stand for 0 and 1.

    Parameters
    ----------
    contents : Contents
        What a reader returned. Its batches are used up.
    origin : str
        Where the examples come from, for messages.
    config : DataConfig
        ``range`` decides.
    known : tuple of float, optional
        The range of a model's own data, which decides where the values do not.

    Raises
    ------
    DataError
        If the values can be read in more than one way.
    """
    extent, shape = None, ()
    if config.range is None and contents.value_range is None:
        for examples, chunk in convert(contents, origin, config):
            extent, shape = Extent.of(examples.values).joined(extent), chunk.images.shape[1:]
            if extent.is_decided(contents.grey_levels) and not contents.type_widens:
                break
    return decide_range(contents, extent, shape, config, origin, known)[0]


def _stream_chunks(
    contents: Contents,
    value_range: Callable[[], ValueRange],
    origin: str,
    config: DataConfig,
    shape: tuple[int, ...],
    first: int = 0,
    dtype: np.dtype[Any] | None = None,
) -> Iterator[Chunk]:
    for examples, chunk in convert(contents, origin, config, value_range(), first, dtype):
        place = examples.place or f"example {first} of {origin}"
        images = writable(_to_shape(chunk.images, shape, place))
        yield replace(chunk, images=images)
        first += len(chunk.images)


def convert(
    contents: Contents,
    origin: str,
    config: DataConfig,
    value_range: ValueRange = (0.0, 1.0),
    first: int = 0,
    dtype: np.dtype[Any] | None = None,
) -> Iterator[tuple[Examples, Chunk]]:
    """Give each batch its final type and axes, and the range that was found for all.

    Parameters
    ----------
    contents : Contents
        What a reader returned.
    origin : str
        Where the examples come from, for messages.
    config : DataConfig
        ``shape``, ``resize`` and ``grey`` are applied.
    value_range : tuple of float
        The values that stand for 0 and 1, where they are known already.
    first : int
        Which example the first one is.
    dtype : dtype, optional
        The type of levels of grey of those before.
    """
    for examples in contents.batches:
        if contents.grey_levels and dtype not in (None, examples.values.dtype):
            raise mixed_depth(origin, dtype, examples.place or origin, examples.values.dtype)
        dtype = examples.values.dtype
        values = compact_dtype(examples.values, origin, first)
        images = arrange_axes(values, config.shape, origin, contents.channels_first)
        known = config.range or contents.value_range
        images = as_asked(images, config, examples.place or origin, known)
        yield examples, Chunk(images, value_range, examples.labels, examples.metadata)
        first += len(images)


def decide_range(
    contents: Contents,
    extent: Extent | None,
    shape: tuple[int, ...],
    config: DataConfig,
    origin: str,
    known: ValueRange | None,
) -> tuple[ValueRange, RangeReason]:
    """Return the values that stand for 0 and 1, and why: by settings, format, or the values.

    Parameters
    ----------
    contents : Contents
        What a reader returned.
    extent : Extent or None
        What is known of all values; None where there are none.
    shape : tuple of int
        Of an example.
    config, origin, known
        As for `find_range`.

    Raises
    ------
    DataError
        If the settings name no range, or the values can be read in more than one way.
    """
    if (asked := asked_range(config, origin)) is not None:
        return asked
    if contents.value_range is not None:
        return contents.value_range, contents.range_reason
    if extent is None:
        return (0.0, 1.0), "dtype"  # There are no examples, which is refused elsewhere.
    return choose_range(extent, shape, origin, grey_levels=contents.grey_levels, known=known)


def asked_range(config: DataConfig, origin: str) -> tuple[ValueRange, RangeReason] | None:
    """Return the range that settings name, if they do.

    Raises
    ------
    DataError
        If it is none.
    """
    if config.range is None:
        return None
    low, high = config.range
    if not (np.isfinite([low, high]).all() and low < high):
        raise DataError(
            f"The range of values [{low:g}, {high:g}] is none",
            expected="two numbers, the smaller one first",
            fix="Correct --range (data.range in Python).",
        )
    return (float(low), float(high)), "setting"


@dataclass(frozen=True)
class Layout:
    """What all examples of a source are brought to.

    Attributes
    ----------
    shape : tuple of int
        Of one example.
    dtype : dtype
        uint8 or float32.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, images: Array) -> Self:
        """Return the layout of examples (B, ...)."""
        return cls(images.shape[1:], images.dtype)

    def joined(self, images: Array, place: str) -> "Layout":
        """Return what these and other examples are brought to; colour and floats win.

        Raises
        ------
        DataError
            If they differ in shape from `place` on.
        """
        own = colour_like(np.empty((0, *self.shape), self.dtype), images.shape[1:])
        theirs = colour_like(images[:0], own.shape[1:])
        if theirs.shape != own.shape:
            size = f" {own.shape[2]}x{own.shape[3]}" if own.ndim == 4 else ""
            raise DataError(
                f"From {place} on, examples have the shape {images.shape[1:]}",
                expected=f"that of the examples before, {own.shape[1:]}",
                fix=f"Resize images while they are read (--resize{size}).",
            )
        return Layout(own.shape[1:], np.promote_types(own.dtype, theirs.dtype))

    def applied(self, images: Array) -> Array:
        """Bring examples to this layout; a copy only where they differ from it."""
        return np.ascontiguousarray(colour_like(images, self.shape), self.dtype)


def _to_shape(images: Array, shape: tuple[int, ...], place: str) -> Array:
    """Bring examples (B, ...) to a shape: flat ones are laid out, grey ones become colour."""
    images = colour_like(images, shape)
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


def writable(images: Array) -> Array:
    """Return images in C order and writable, as PyTorch needs them; a copy only if they are not."""
    return np.require(images, requirements=["C", "W"])


def colour_like(images: Array, shape: tuple[int, ...]) -> Array:
    """Repeat grey images (B, 1, H, W) if `shape` is (3, H, W); return others as they are."""
    grey = images.ndim == 4 and images.shape[1] == 1 and shape == (3, *images.shape[2:])
    return np.repeat(images, 3, axis=1) if grey else images
