"""Data in memory, of any kind that people have: through the same checks as files.

Kinds are told by what objects can do, so that no library is imported that is not in use already:
arrays, tensors of PyTorch, lists; tables of pandas, Polars and Arrow; images of Pillow; data sets
of PyTorch and scikit-learn; mappings of names to arrays; pairs (X, y).
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset, LeftOut
from latentscape.core.stores import CHUNK, ResidentStore
from latentscape.data.contents import Contents, Examples, from_arrays, without_labels
from latentscape.data.conversion import CHANNELS
from latentscape.data.formats.encoded_images import image_array, stack_images
from latentscape.data.formats.named_arrays import contents_of_arrays
from latentscape.data.formats.parquet_tables import contents_of_table
from latentscape.data.labels import NO_LABELS, check_label_count
from latentscape.data.regions import Region, region_of
from latentscape.data.row_labels import find_row_labels, label_rows, reading_config

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "data"
"""What data are called that have no name of their own."""

_KINDS = (
    "a name, a path, an array, a tensor, a list, a pair (X, y), a table of pandas, Polars or "
    "Arrow, images of Pillow, a map-style data set of PyTorch, a data set of scikit-learn, "
    "or a latentscape.Dataset"
)


def contents_of(data: object, config: DataConfig) -> Contents:
    """Return data in memory as contents.

    Parameters
    ----------
    data : object
        As in the module's docstring, or a `Dataset`.
    config : DataConfig
        ``labels`` names the column of a table, or a file of labels by row, or is ``none``.
        ``resize`` is applied to images of Pillow.

    Raises
    ------
    DataError
        If the data are of another kind, or examples differ in their shape.
    """
    labels = find_row_labels(config.labels)
    if labels is not None:
        return label_rows(contents_of(data, reading_config(config, labels)), labels, NAME)
    for kind in _READERS:
        if kind.matches(data):
            contents = kind.read(data, config)
            return without_labels(contents) if config.labels == NO_LABELS else contents
    raise DataError(f"The data are a {type(data).__name__}", expected=_KINDS, fix=_advice(data))


def _in_place(values: Any, what: str) -> Array:
    """Return where an array stands in a file that is mapped; any other one as by `as_array`."""
    region = region_of(values) if isinstance(values, np.ndarray) else None
    return as_array(values, what) if region is None else cast(Array, region)


def _batch_size(*values: object) -> int:
    """Return how many examples to read at once: of mapped files, a chunk of the largest ones."""
    sizes = [region.example_bytes for region in values if isinstance(region, Region)]
    return max(1, CHUNK // max(1, *sizes)) if sizes else sys.maxsize


def as_array(values: Any, what: str) -> Array:
    """Turn a tensor, a column of a table or lists into an array.

    Parameters
    ----------
    values : object
        Numbers or texts, of one shape for each example.
    what : str
        What they are, for the message.

    Raises
    ------
    DataError
        If they make no array.
    """
    if _is_tensor(values):
        values = values.detach().cpu()
        values = (values.to_dense() if values.layout is not _strided() else values).resolve_conj()
        return np.asarray(values.float() if str(values.dtype) == "torch.bfloat16" else values)
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if np.ma.is_masked(values):
        raise DataError(
            f"{what} has {np.asarray(values.mask).sum()} masked value(s)",
            expected="a value in each place",
            fix="Fill them in: array.filled(...).",
        )
    is_several = isinstance(values, list | tuple) or _holds_objects(values)
    if is_several and len(values) and _is_array(values[0]):
        values = [as_array(value, what) for value in values]
        _check_one_shape([value.shape for value in values], what)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{what} has examples of different shapes", expected="one shape") from error
    if array.ndim == 0:
        raise DataError(f"{what} is a {type(values).__name__}", expected="an array")
    return array


@dataclass(frozen=True)
class _Kind:
    """A kind of data in memory: how to tell it, and how to read it."""

    matches: Callable[[Any], bool]
    read: Callable[[Any, DataConfig], Contents]


def _of_dataset(dataset: Dataset, config: DataConfig) -> Contents:
    """Return the parts of a dataset, whose images are (N, C, H, W) unless only the last axis fits.

    A range that nobody has set gives way to that of the settings.
    """
    images = dataset.images
    stored = images.array if isinstance(images, ResidentStore) else images
    values = _in_place(stored, f"The images of {dataset.name}")
    shape, labels = values.shape, None
    channels_last = len(shape) == 4 and shape[1] not in CHANNELS and shape[3] in CHANNELS
    if dataset.labels is not None:
        labels = as_array(dataset.labels, f"The labels of {dataset.name}")
    contents = from_arrays([Examples(values, labels)], dataset.name, _batch_size(values))
    return replace(
        contents,
        channels_first=len(shape) == 4 and not channels_last,
        label_names=tuple(map(str, dataset.label_names)),
        value_range=dataset.value_range,
        range_reason=dataset.range_reason,
        n_official_train=dataset.n_official_train,
        n_official_validation=dataset.n_official_validation,
        left_out=dataset.left_out,
        tests_on_validation=dataset.tests_on_validation,
    )


def _of_frame(frame: Any, config: DataConfig) -> Contents:
    return contents_of_table(_arrow_table(frame), NAME, config)


def _arrow_table(frame: Any) -> "pa.Table":
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return frame
    try:
        if hasattr(frame, "to_arrow"):
            return frame.to_arrow()
        return pa.Table.from_pandas(frame.rename(columns=str), preserve_index=False)
    except pa.ArrowException as error:
        raise DataError(
            f"A column of the table holds what is neither numbers, texts, lists nor images: "
            f"{' '.join(str(error).split())}",
            expected="one type in each column",
        ) from error


def _of_mapping(data: Mapping[str, object], config: DataConfig) -> Contents:
    """Read a data set of scikit-learn, or arrays by name as in a .npz file."""
    if "target" not in data or not ("data" in data or "images" in data):
        arrays = {name: _in_place(value, name) for name, value in data.items() if _is_array(value)}
        return contents_of_arrays(arrays, Path(NAME), config, _batch_size(*arrays.values()))
    values = data["images"] if "images" in data else data["data"]
    contents = _of_pair((values, data["target"]), config)
    return replace(contents, label_names=_names(data.get("target_names"), data["target"]))


def _of_pair(pair: tuple[Any, Any], config: DataConfig) -> Contents:
    """Read examples and their labels, which may be None."""
    values, labels = pair
    contents = contents_of(values, config.model_copy(update={"labels": NO_LABELS}))
    if labels is None:
        return contents
    column = as_array(labels, "The labels")
    check_label_count(column, contents.count or 0, NAME)
    return replace(contents, batches=_labelled(contents.batches, column), labels=column)


def _labelled(batches: Iterator[Examples], labels: Array) -> Iterator[Examples]:
    """Add labels to batches, of which one is in memory at a time."""
    start = 0
    for examples in batches:
        stop = start + len(examples.values)
        yield from from_arrays([Examples(examples.values, labels[start:stop])], NAME).batches
        start = stop


def _of_images(images: Any, config: DataConfig) -> Contents:
    """Read images of Pillow: one, or a list of them."""
    several = images if isinstance(images, list | tuple) else [images]
    names = [f"image {number}" for number in range(len(several))]
    arrays = (image_array(image, config.resize) for image in several)
    contents = from_arrays([Examples(stack_images(arrays, names), place=names[0])], NAME)
    return replace(contents, channels_first=True, grey_levels=True)


def _of_items(items: Any, config: DataConfig) -> Contents:
    """Read a data set of PyTorch or another sequence, whose items are x, (x, y) or {name: x}."""
    rows = [_parts_of(items[number]) for number in range(len(items))]
    if not rows:
        raise DataError("The data hold no examples")
    values = _of_values([row[0] for row in rows], config)
    unused = max(len(row) for row in rows) - 2
    if unused > 0:
        reason = "each example holds more than an image and its label"
        values = replace(values, left_out=(LeftOut("array", (), unused, reason),))
    if min(len(row) for row in rows) < 2:
        return values
    labels = as_array([_plain(row[1]) for row in rows], "The labels")
    (batch,) = values.batches
    labelled = from_arrays([replace(batch, labels=labels)], NAME)
    names = _names(_classes(items), labels)
    return replace(values, batches=labelled.batches, label_names=names)


def _of_values(values: list[Any], config: DataConfig) -> Contents:
    if _is_image(values[0]):
        return _of_images(values, config)
    contents = _of_array(values, config)
    # As torchvision has them; arrays of NumPy may be either way.
    is_image = _is_tensor(values[0]) and values[0].ndim == 3
    return replace(contents, channels_first=is_image)


def _of_array(values: Any, config: DataConfig) -> Contents:
    array = _in_place(values, "The array")
    if config.labels not in (None, NO_LABELS):
        raise DataError(
            f"data.labels is {config.labels!r}, and an array has no columns with names",
            expected="a pair: data=(X, y)",
        )
    return from_arrays([Examples(array)], NAME, _batch_size(array))


def _parts_of(item: Any) -> tuple[Any, ...]:
    """Return the image, the label and all else of an example of a data set."""
    if isinstance(item, Mapping):
        values = [item[name] for name in ("image", "img", "pixel_values", "x") if name in item]
        labels = [item[name] for name in ("label", "labels", "target", "y") if name in item]
        if not values:
            raise DataError(
                f"Examples hold {', '.join(map(str, item))}", expected="image and label"
            )
        return (values[0], *labels[:1])
    return tuple(item) if isinstance(item, tuple) else (item,)


def _classes(items: Any) -> Any:
    """Return the names of labels that data sets of torchvision have, also of a part of them."""
    while not hasattr(items, "classes") and hasattr(items, "dataset"):
        items = items.dataset
    return getattr(items, "classes", None)


def _names(names: Any, labels: Any) -> tuple[str, ...]:
    """Return names of labels, if labels are indices into them."""
    values = as_array(labels, "The labels")
    if names is None or isinstance(names, str) or values.dtype.kind not in "iu" or not values.size:
        return ()
    texts = tuple(map(str, names))
    return texts if 0 <= values.min() and values.max() < len(texts) else ()


def _plain(label: Any) -> Any:
    """Return a label without the tensor around it."""
    return as_array(label.reshape(-1), "A label").tolist()[0] if _is_scalar(label) else label


def _is_scalar(label: Any) -> bool:
    return _is_tensor(label) and label.numel() == 1


def _check_one_shape(shapes: Sequence[tuple[int, ...]], what: str) -> None:
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise DataError(
                f"{what} has examples of different shapes: number 0 (from 0) is {shapes[0]}, "
                f"number {number} {shape}",
                expected="one shape",
            )


def _strided() -> Any:
    import torch

    return torch.strided


def _is_tensor(data: Any) -> bool:
    return hasattr(data, "detach") and hasattr(data, "cpu") and hasattr(data, "layout")


def _is_array(data: Any) -> bool:
    return _is_tensor(data) or isinstance(data, np.ndarray | list | tuple)


def _is_image(data: Any) -> bool:
    return hasattr(data, "getbands") and hasattr(data, "convert")


def _is_frame(data: Any) -> bool:
    has_columns = hasattr(data, "columns") or hasattr(data, "column_names")
    is_table = any(hasattr(data, name) for name in ("iloc", "to_arrow", "to_batches"))
    return has_columns and is_table and not hasattr(data, "__array_interface__")


def _is_images(data: Any) -> bool:
    several = isinstance(data, list | tuple) and len(data) > 0 and all(map(_is_image, data))
    return several or _is_image(data)


def _is_pair(data: Any) -> bool:
    """Tell (X, y) from two examples, which have one shape."""
    if not isinstance(data, tuple) or len(data) != 2 or _is_number(data[1]):
        return False
    shapes = [getattr(part, "shape", None) for part in data]
    return shapes[0] is None or shapes[0] != shapes[1]


def _holds_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind == "O"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | str)


def _is_items(data: Any) -> bool:
    """Tell a data set of PyTorch, or a list of pairs of an example and its label."""
    if isinstance(data, list):
        return bool(data) and all(isinstance(i, tuple) and not _is_number(i[0]) for i in data)
    others = (str, bytes, tuple, np.ndarray)
    is_sequence = hasattr(type(data), "__getitem__") and hasattr(type(data), "__len__")
    return is_sequence and not isinstance(data, others) and not _is_array_like(data)


def _is_array_like(data: Any) -> bool:
    return _is_array(data) or hasattr(data, "__array__")


_READERS = (
    _Kind(lambda data: isinstance(data, Dataset), _of_dataset),
    _Kind(_is_frame, _of_frame),
    _Kind(lambda data: isinstance(data, Mapping), _of_mapping),
    _Kind(_is_images, _of_images),
    _Kind(_is_pair, _of_pair),
    _Kind(_is_items, _of_items),
    _Kind(_is_array_like, _of_array),
)
"""The first kind that matches reads the data."""


def _advice(data: object) -> str:
    """Say what to give in place of data that cannot be gone through more than once."""
    if hasattr(data, "dataset"):
        return "Give the data set that it loads: loader.dataset."
    if isinstance(data, Iterator) or hasattr(data, "__iter__"):
        return "Collect the examples in a list or an array first."
    return ""
