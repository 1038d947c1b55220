"""Examples of any source, brought to the shape, the range and the labels of a trained model."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from latentscape.config import Changes, Recipe
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.core.scratch import scratch
from latentscape.data import (
    Chunk,
    Stream,
    concatenate,
    index_labels,
    known_labels,
    stream_data,
    stream_files,
)
from latentscape.data.formats.encoded_images import IMAGE_SUFFIXES
from latentscape.model import Network, check_values, scaled

WHOLE = 1000
"""Examples that are converted at once where all are kept."""

Source = object
"""Examples: a name, a path, a sequence of image files, or data in memory."""


def stream_inputs(
    model: Network, source: Source, size: int, changes: Changes | None = None
) -> Stream:
    """Iterate over examples as a model takes them.

    Parameters
    ----------
    model : Network
        A trained model.
    source : str, Path, sequence of paths or data in memory
        A name, a path, image files, or data in memory of any kind.
    size : int
        Maximum number of examples in a chunk.
    changes : mapping, optional
        Settings of the data: ``labels``, ``shape``, ``range``, ``resize``, ``grey``.

    Returns
    -------
    Stream
        Of images (B, *shape) in the range that the model was trained on.

    Raises
    ------
    DataError
        Here or while it is iterated over: if the source cannot be read, has another shape, or
        values that the model was not trained on.
    """
    assert model.config.input is not None
    known = model.config.input.range
    files = _image_files(source)
    if files:
        stream = stream_files(files, model.input_shape, changes=changes, known=known)
    else:
        stream = stream_data(source, model.input_shape, size, changes=changes, known=known)
    return replace(stream, chunks=(rescaled(model, chunk, stream.name) for chunk in stream.chunks))


def read_inputs(
    model: Network,
    source: Source,
    label_names: Sequence[str] = (),
    changes: Changes | None = None,
) -> Dataset:
    """Read examples as a model takes them: one is enough.

    Parameters
    ----------
    model, source, changes
        As for `stream_inputs`.
    label_names : sequence of str
        What the labels of the training data are called.

    Returns
    -------
    Dataset
        In the range that the model was trained on. Labels have the numbers of `label_names` if all
        are among them, and their own otherwise.

    Raises
    ------
    DataError
        As for `stream_inputs`, or if there are no examples.
    """
    stream = stream_inputs(model, source, WHOLE, changes)
    return read_stream(stream, label_names)


def read_stream(stream: Stream, label_names: Sequence[str] = ()) -> Dataset:
    """Read all examples of a stream of `stream_inputs`; see `read_inputs`.

    Where their number is known, many of them are kept on disk; see `latentscape.core.scratch`.
    """
    whole = concatenate(stream.chunks, stream.count, stream.name, scratch)
    if not whole.images.size:
        raise DataError(f"{stream.name} holds no examples")
    labels, names, _ = index_labels(
        whole.labels, len(whole.images), stream.label_names, stream.name
    )
    if labels is not None and set(names) <= set(label_names):
        labels = known_labels(np.array(names)[labels], label_names, stream.name)
        names = tuple(label_names)
    return Dataset(stream.name, whole.images, labels, names, whole.value_range)


def conversions(recipe: Recipe, changes: Changes | None) -> Changes:
    """Return settings of new data: where nothing else is asked for, those of the training data."""
    own = {"resize": recipe.data.resize, "grey": recipe.data.grey or None}
    return {name: value for name, value in own.items() if value is not None} | dict(changes or {})


def _image_files(source: Source) -> Sequence[str | Path]:
    """Return the image files that a source is; nothing of other sources."""
    if isinstance(source, str | Path):
        is_image = Path(source).suffix.lower() in IMAGE_SUFFIXES and os.path.isfile(source)
        return [source] if is_image else []
    files = source if isinstance(source, list | tuple) else ()
    return files if all(isinstance(file, str | Path) for file in files) else ()


def rescaled(model: Network, chunk: Chunk, name: str) -> Chunk:
    """Move the values of a chunk to the range of a model, and refuse those outside."""
    assert model.config.input is not None
    target, source = model.config.input.range, chunk.value_range
    images = _rescale(chunk.images, source, target)
    is_byte = 0 <= chunk.images.min() and chunk.images.max() <= 255
    fix = (
        f"They were read with {source[0]:g} and {source[1]:g} as these ends. If others are "
        f"meant, say which: --range {'0,255' if is_byte else 'LOW,HIGH'}."
    )
    check_values(torch.from_numpy(images), model.config, name, fix)
    return replace(chunk, images=images, value_range=target)


def _rescale(images: Array, source: tuple[float, float], target: tuple[float, float]) -> Array:
    """Move stored values so that the ends of the range `source` become those of `target`."""
    if source == target:
        return images
    low, high = target
    return low + scaled(torch.from_numpy(images), source).numpy() * (high - low)
