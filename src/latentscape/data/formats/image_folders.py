"""Folders of images: flat, one folder per class, or parts of either kind."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.records import Array
from latentscape.data.compression import unreadable
from latentscape.data.contents import Contents, Examples, label_table
from latentscape.data.formats.encoded_images import decode_image, stack_images
from latentscape.data.formats.image_layout import ImageLayout, ImagePath, arrange_images
from latentscape.data.text import readable

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIXES = (".png", ".jpg", ".jpeg")


def read_image_folder(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a folder of PNG and JPEG images, in the order of their sorted names; see `Reader`.

    It holds images; or one folder per class; or folders for ``train``, ``val`` and ``test``, each
    of which does. Hidden files are ignored. ``config.resize`` is applied; ``config.labels`` says
    whether the ``outer`` or the ``inner`` of two levels of folders is the class.
    """
    layout = arrange_images(_images_below(path), str(path), config.labels)
    return contents_of_images(layout, path, path.joinpath, config, size)


def contents_of_images(
    layout: ImageLayout,
    path: Path,
    find: Callable[..., Path | bytes],
    config: DataConfig,
    size: int,
) -> Contents:
    """Return encoded images as contents, which are decoded batch by batch.

    Parameters
    ----------
    layout : ImageLayout
        The images and their classes.
    path : Path
        The folder or archive that they are in.
    find : callable
        Returns the file or the content of an image; its arguments are the parts of its path.
    config : DataConfig
        ``resize`` is applied.
    size : int
        Maximum number of images in a batch.
    """
    return Contents(
        _batches(layout, path, find, config, size),
        len(layout.images),
        channels_first=True,
        n_official_train=layout.n_official_train,
        n_official_validation=layout.n_official_validation,
        left_out=layout.left_out,
    )


def _batches(
    layout: ImageLayout,
    path: Path,
    find: Callable[..., Path | bytes],
    config: DataConfig,
    size: int,
) -> Iterator[Examples]:
    for start in range(0, len(layout.images), size):
        images = layout.images[start : start + size]
        names = [readable(str(path.joinpath(*image))) for image in images]
        decoded = (
            decode_image(find(*image), name, config.resize)
            for image, name in zip(images, names, strict=True)
        )
        labels = None if layout.labels is None else np.array(layout.labels[start : start + size])
        yield Examples(
            stack_images(decoded, names), labels, partial(_metadata, images, labels), names[0]
        )


def _metadata(images: Sequence[ImagePath], labels: Array | None) -> "pa.Table":
    import pyarrow as pa

    ids = [readable("/".join(image)) for image in images]
    return pa.table({"id": ids}) if labels is None else label_table(labels, id=ids)


def _images_below(folder: Path) -> Iterator[ImagePath]:
    """List all images in a folder and its folders."""
    for entry, place in _files_below(folder, (), ()):
        if entry.suffix.lower() in _SUFFIXES:
            yield place


def _files_below(
    folder: Path, place: ImagePath, above: tuple[Path, ...]
) -> Iterator[tuple[Path, ImagePath]]:
    """List files, and their places in the outermost folder; links that lead upward lead nowhere."""
    resolved = folder.resolve()
    if resolved in above:
        return
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _files_below(entry, (*place, entry.name), (*above, resolved))
        elif entry.is_file():
            yield entry, (*place, entry.name)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise unreadable(folder, error) from error
