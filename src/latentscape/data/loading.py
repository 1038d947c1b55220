"""Loading, streaming and summarizing data by name or path, with settings as a mapping."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from latentscape.config import Changes, DataConfig, join_changes, validate
from latentscape.core.ranges import ValueRange
from latentscape.core.records import Array, Dataset
from latentscape.data.contents import Contents, Examples, from_arrays
from latentscape.data.disk import DiskStore
from latentscape.data.formats.encoded_images import decode_image, stack_images
from latentscape.data.inventory import Reading
from latentscape.data.objects import NAME, contents_of
from latentscape.data.sources import load_dataset, open_stream, stream_dataset
from latentscape.data.splits import split_dataset
from latentscape.data.statistics import DataSummary, summarize
from latentscape.data.stores import read_dataset
from latentscape.data.streams import Stream, find_range, stream_contents
from latentscape.data.whole import to_dataset


def load_data(
    source: object,
    *,
    labels: str | None = None,
    shape: Sequence[int] | None = None,
    resize: Sequence[int] | None = None,
    grey: bool | None = None,
    value_range: tuple[float, float] | None = None,
    changes: Changes | None = None,
) -> Dataset:
    """Load a dataset by name or path, or make one of data in memory.

    Parameters
    ----------
    source : str, Path or data in memory
        A name such as ``mnist-5k``; a .npy, .npz, .csv, .parquet or IDX file, or a folder; or an
        array, a tensor, a pair (X, y), a table and so on; see `latentscape.data.objects`.
    labels : str, optional
        Label column of a table, or a file of labels; ``none`` leaves labels out.
    shape : sequence of int, optional
        Shape of examples that are stored flat, (H, W).
    resize : sequence of int, optional
        Height and width that images are resized to.
    grey : bool, optional
        Whether colours are made grey.
    value_range : tuple of float, optional
        The stored values that stand for 0 and for 1.
    changes : mapping, optional
        The same by the names of `DataConfig`, and its other settings, such as ``store``: where
        images are kept.

    Returns
    -------
    Dataset
        All examples; an official test part comes last.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    named = {
        "labels": labels,
        "shape": shape,
        "resize": resize,
        "grey": grey,
        "value_range": value_range,
    }
    others = {f"data.{name}": value for name, value in (changes or {}).items()}
    joined = join_changes(named, others)
    settings = {path.removeprefix("data."): value for path, value in joined.items()}
    return as_dataset(source, _data_config(NAME, settings))


def stream_data(
    source: object,
    shape: tuple[int, ...],
    size: int,
    *,
    changes: Changes | None = None,
    known: ValueRange | None = None,
) -> Stream:
    """Iterate over examples once, of which not all need fit into memory.

    Parameters
    ----------
    source, changes
        As for `load_data`.
    shape : tuple of int
        The shape that examples must have, (C, H, W) or (D,).
    size : int
        Maximum number of examples in a chunk.
    known : tuple of float, optional
        The range of the data of the model: the values that stand for 0 and 1 where the examples do
        not show them and lie between.

    Returns
    -------
    Stream
        See `open_stream`.

    Raises
    ------
    DataError
        If the data cannot be read: here, or while the stream is iterated over.
    """
    if isinstance(source, str | Path):
        return open_stream(_data_config(source, changes), shape, size, known)
    config = _data_config(NAME, changes)
    return stream_dataset(as_dataset(source, config, known=known, least=1), shape, size)


def stream_files(
    files: Sequence[str | Path],
    shape: tuple[int, ...],
    *,
    changes: Changes | None = None,
    known: ValueRange | None = None,
) -> Stream:
    """Read image files, all of them in one chunk.

    Parameters
    ----------
    files : sequence of str or Path
        PNG or JPEG files, or others that a folder of images may hold.
    shape, changes, known
        As for `stream_data`.

    Raises
    ------
    DataError
        If one cannot be read, or they differ in size.
    """
    names = [str(file) for file in files]
    config = _data_config(", ".join(Path(file).name for file in files), changes)
    decoded = (decode_image(Path(file), str(file), config.resize) for file in files)
    images = stack_images(decoded, names)

    def contents() -> Contents:
        whole = from_arrays([Examples(images, place=names[0])], config.source)
        return replace(whole, channels_first=True, grey_levels=True)

    def value_range() -> ValueRange:
        return find_range(contents(), config.source, config, known)

    return stream_contents(contents(), value_range, config.source, config.source, config, shape)


def dataset_of_arrays(values: Array, labels: Array | None, name: str) -> Dataset:
    """Build a dataset from arrays of numbers that are used as they are, such as codes.

    Parameters
    ----------
    values : ndarray
        (N, D) vectors, or images (N, H, W), (N, C, H, W) or (N, H, W, C).
    labels : ndarray or None
        (N,) numbers or texts.
    name : str
        What to call it.

    Raises
    ------
    DataError
        If there are not as many labels as values, or values are not finite numbers.
    """
    contents = from_arrays([Examples(values, labels)], name)
    return to_dataset(contents, name, name, DataConfig(source=name, range=(0.0, 1.0)))


def data_name(data: object) -> str:
    """Return what data are called: their name or path, or a name for what is in memory."""
    if isinstance(data, str | Path):
        return str(data)
    return data.name if isinstance(data, Dataset) else NAME


def as_dataset(
    data: object,
    config: DataConfig | None = None,
    *,
    known: ValueRange | None = None,
    least: int = 2,
) -> Dataset:
    """Return data of any kind as a dataset: a name, a path, or what is in memory.

    Parameters
    ----------
    data : object
        A name or a path; a `Dataset`; or data in memory, see `latentscape.data.objects`.
    config : DataConfig, optional
        ``labels``, ``shape``, ``range``, ``resize`` and ``grey`` are applied.
    known : tuple of float, optional
        As for `stream_data`.
    least : int
        How many examples are needed.

    Returns
    -------
    Dataset
        With uint8 or float32 values (N, C, H, W) or (N, D), and labels that are indices.

    Raises
    ------
    DataError
        If the data cannot be read, are of another kind, or are not what a file may hold.
    """
    config = config or DataConfig()
    if isinstance(data, str | Path):
        return load_dataset(config.model_copy(update={"source": str(data)}), known)
    if isinstance(data, Dataset):
        return _as_set(data, config, known, least)
    return replace(_read(data, NAME, config, known, least), origin="")


def _as_set(dataset: Dataset, config: DataConfig, known: ValueRange | None, least: int) -> Dataset:
    """Return a dataset with settings applied; images on disk stay there unless they change."""
    if dataset.range_reason == "setting":
        config = config.model_copy(update={"range": None})
    converted = (config.shape, config.resize, config.grey, config.range, config.labels)
    if isinstance(dataset.images, DiskStore) and converted == (None, None, False, None, None):
        return dataset
    return replace(_read(dataset, dataset.name, config, known, least), origin=dataset.origin)


def _read(
    data: object, name: str, config: DataConfig, known: ValueRange | None, least: int
) -> Dataset:
    """Read data in memory, and what somebody has mapped of files into the store that suits it."""
    contents = contents_of(data, config)
    if not contents.regions:
        return to_dataset(contents, name, name, config, known, least)
    open_again = partial(_open_mapped, data, config)
    place = contents.regions[0].path, _view_of(contents), least
    return read_dataset(Reading(open_again, name, name, config, known, *place))


def _view_of(contents: Contents) -> str:
    """Name the parts of files that are mapped, and what came in memory beside them."""
    regions = [(str(r.path), r.offset, r.shape, r.dtype.str) for r in contents.regions]
    facts = (
        regions,
        contents.channels_first,
        contents.label_names,
        contents.value_range,
        contents.range_reason,
        contents.n_official_train,
        contents.n_official_validation,
        contents.left_out,
        contents.tests_on_validation,
    )
    digest = sha256(repr(facts).encode())
    if (labels := contents.labels) is not None:
        plain = labels.astype(str) if labels.dtype.kind == "O" else labels
        digest.update(repr((plain.dtype.str, plain.shape)).encode() + plain.tobytes())
    return digest.hexdigest()


def _open_mapped(data: object, config: DataConfig, size: int) -> Contents:
    """Open arrays that are mapped; a batch is a chunk of them, however many examples it has."""
    return contents_of(data, config)


def show_data(source: object, *, changes: Changes | None = None) -> DataSummary:
    """Summarize a source and how it is split.

    Parameters
    ----------
    source : str, Path or data in memory
        As for `load_data`.
    changes : mapping, optional
        Other settings of `DataConfig`.

    Returns
    -------
    DataSummary
        Counts, shape, range, labels, split sizes, fingerprint, entropy floor in nats per pixel.

    Raises
    ------
    DataError
        If the data cannot be read.
    """
    config = _data_config(source if isinstance(source, str | Path) else NAME, changes)
    dataset = as_dataset(source, config)
    return summarize(dataset, split_dataset(dataset, config))


def _data_config(source: str | Path, changes: Changes | None) -> DataConfig:
    return validate(DataConfig, {"source": str(source), **(changes or {})}, "the data settings")
