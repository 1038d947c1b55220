"""Folders of images: flat, one folder per class, or parts of either kind."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array, LeftOut
from latentscape.data.compression import unreadable
from latentscape.data.contents import Contents, Encoded, Examples, batches_of, label_table
from latentscape.data.formats.encoded_images import (
    IMAGE_KINDS,
    IMAGE_SUFFIXES,
    count_frames,
    decode_image,
    stack_images,
)
from latentscape.data.formats.image_layout import (
    ImageLayout,
    ImagePath,
    arrange_images,
    path_suffix,
    path_text,
)
from latentscape.data.formats.label_tables import TABLE_SUFFIXES, read_label_table
from latentscape.data.text import readable

if TYPE_CHECKING:
    import pyarrow as pa


def read_image_folder(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a folder of images, in the order of their sorted names; see `Reader`.

    It holds images; or one folder per class; or folders for ``train``, ``val`` and ``test``, each
    of which does. Other files are left out and named, except hidden ones. ``config.resize`` is
    applied; ``config.labels`` says whether the ``outer`` or the ``inner`` of two levels of folders
    is the class, or names a table of labels in the folder or beside it.
    """
    entries = list(_files_below(path, (), ()))
    files = [place for place, is_file in entries if is_file]
    images = [place for place in files if path_suffix(place) in IMAGE_SUFFIXES]
    is_table = Path(config.labels or "").suffix.lower() in TABLE_SUFFIXES
    if files and not images:
        raise _without_images(path, files)
    layout = arrange_images(images, str(path), None if is_table else config.labels)
    table = config.labels if is_table else None
    if table is not None:
        layout = _labelled_by_table(layout, path, table)
    layout = replace(layout, left_out=(*layout.left_out, *_left_out(entries, table)))
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
    read = partial(_read, layout, path, find, config)
    return Contents(
        batches_of(read, len(layout.images), size),
        len(layout.images),
        channels_first=True,
        grey_levels=True,
        n_official_train=layout.n_official_train,
        n_official_validation=layout.n_official_validation,
        left_out=(*layout.left_out, *_further_images(layout, find)),
        tests_on_validation=layout.tests_on_validation,
        encoded=_encoded(layout, path, find, config),
        read=read,
        size=size,
    )


def _encoded(
    layout: ImageLayout, path: Path, find: Callable[..., Path | bytes], config: DataConfig
) -> Encoded:
    """Return the images as ones that are decoded in any order."""
    is_archive = not path.is_dir()

    def name(place: int) -> str:
        return readable(str(path.joinpath(*layout.images[place])))

    def decode(place: int) -> Array:
        return decode_image(find(*layout.images[place]), name(place), config.resize)

    def file(place: int) -> Path:
        return path if is_archive else path.joinpath(*layout.images[place])

    return Encoded(len(layout.images), decode, name, file, is_archive)


def _labelled_by_table(layout: ImageLayout, path: Path, table: str) -> ImageLayout:
    if layout.labels is not None:
        raise DataError(
            f"The folders in {path} name the class of each image, and so does {table}",
            expected="labels from one of both",
            fix="Leave --labels out, or put all images into one folder.",
        )
    labels, unused = read_label_table(table, path, layout.images)
    return replace(layout, labels=labels, left_out=(*layout.left_out, *unused))


def _left_out(entries: Sequence[tuple[ImagePath, bool]], table: str | None) -> tuple[LeftOut, ...]:
    """Name what are no images, but not the table of labels that is read."""
    groups: dict[str, list[str]] = {}
    for place, is_file in entries:
        reason = _why_unused(place, is_file)
        if reason and place[-1] != Path(table or "").name:
            groups.setdefault(reason, []).append(path_text(place))
    return tuple(
        entry for reason, names in groups.items() for entry in LeftOut.of("file", names, reason)
    )


def _why_unused(place: ImagePath, is_file: bool) -> str:
    """Say why something is not used; '' of images."""
    if not is_file:
        return "a broken link, a pipe or a device, not a file"
    if path_suffix(place) in IMAGE_SUFFIXES:
        return ""
    if path_suffix(place) in TABLE_SUFFIXES:
        return f"a table may hold labels; '--labels {readable(place[-1])}' reads them"
    return f"not a {IMAGE_KINDS} file"


def _without_images(path: Path, files: Sequence[ImagePath]) -> DataError:
    names = ", ".join(path_text(place) for place in files[:3])
    return DataError(
        f"{path} holds no images, but {len(files)} other file(s) ({names})",
        expected="images, or one folder of them per class",
        fix="Give the path of one of the files if it holds the examples.",
    )


def _further_images(layout: ImageLayout, find: Callable[..., Path | bytes]) -> tuple[LeftOut, ...]:
    """Count the images after the first one of a file: frames of films, pages of scans."""
    counts = ((place, count_frames(partial(find, *place), place[-1])) for place in layout.images)
    films = {path_text(place): count - 1 for place, count in counts if count > 1}
    if not films:
        return ()
    reason = f"only the first image is read of {len(films)} file(s) that hold several"
    return (LeftOut("example", tuple(films)[:3], sum(films.values()), reason),)


def _read(
    layout: ImageLayout,
    path: Path,
    find: Callable[..., Path | bytes],
    config: DataConfig,
    start: int,
    stop: int,
) -> Examples:
    images = layout.images[start:stop]
    names = [readable(str(path.joinpath(*image))) for image in images]
    decoded = (
        decode_image(find(*image), name, config.resize)
        for image, name in zip(images, names, strict=True)
    )
    labels = None if layout.labels is None else np.array(layout.labels[start:stop])
    return Examples(
        stack_images(decoded, names), labels, partial(_metadata, images, labels), names[0]
    )


def _metadata(images: Sequence[ImagePath], labels: Array | None) -> "pa.Table":
    import pyarrow as pa

    ids = [path_text(image) for image in images]
    return pa.table({"id": ids}) if labels is None else label_table(labels, id=ids)


def _files_below(
    folder: Path, place: ImagePath, above: tuple[Path, ...]
) -> Iterator[tuple[ImagePath, bool]]:
    """List what is in a folder and its folders by its place, and whether it is a file.

    Links that lead upward lead nowhere.
    """
    resolved = folder.resolve()
    if resolved in above:
        return
    for name, is_folder, is_file in _entries(folder):
        if is_folder:
            yield from _files_below(folder / name, (*place, name), (*above, resolved))
        else:
            yield (*place, name), is_file


def _entries(folder: Path) -> list[tuple[str, bool, bool]]:
    """List what is in a folder by its name, and whether it is a folder or a file, also by a link.

    The system says so while it lists them; asking for each takes long where there are many.
    """
    try:
        with os.scandir(folder) as entries:
            seen = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise unreadable(folder, error) from error
    seen.sort(key=lambda entry: os.path.normcase(entry.name))
    return [
        (entry.name, os.path.isdir(entry), os.path.isfile(entry))
        if entry.is_symlink()
        else (entry.name, entry.is_dir(), entry.is_file())
        for entry in seen
    ]
