"""Images that several processes use: one file that all of them map, in place of a copy each."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from latentscape.core.records import Dataset, Split
from latentscape.core.scratch import shared_folder
from latentscape.core.stores import ImageStore, ResidentStore
from latentscape.data.disk import Known, MappedStore
from latentscape.data.regions import Region, RegionFile
from latentscape.data.streams import Layout

MIN_SHARED = 1 << 25
"""Bytes of images from which on a file is worth it; fewer are copied."""


def is_shared(store: ImageStore) -> bool:
    """Whether processes share images: those on disk, and those in memory if they are many."""
    return not isinstance(store, ResidentStore) or store.nbytes >= MIN_SHARED


@contextmanager
def shared(splits: Sequence[Split]) -> Iterator[list[Split]]:
    """Bring images in memory to where other processes map them, while a block runs.

    Parameters
    ----------
    splits : sequence of Split
        Several may have the same images.

    Yields
    ------
    list of Split
        The same examples. They are as they were where there is no room for a file.
    """
    moved: dict[int, ImageStore] = {}
    folder: Path | None = None
    with ExitStack() as stack:
        with suppress(OSError):
            folder = stack.enter_context(shared_folder())

        def move(dataset: Dataset) -> Dataset:
            images = dataset.images
            if folder is None or not isinstance(images, ResidentStore) or not is_shared(images):
                return dataset
            if id(images) not in moved:
                moved[id(images)] = _mapped(images, folder / str(len(moved)))
            return replace(dataset, images=moved[id(images)])

        yield [
            replace(
                split,
                dataset=move(split.dataset),
                grey=None if split.grey is None else move(split.grey),
            )
            for split in splits
        ]


def _mapped(images: ResidentStore, path: Path) -> ImageStore:
    """Write images to a file and map it; return them as they are if there is no room."""
    try:
        np.ascontiguousarray(images.array).tofile(path)
        file = RegionFile(Region(path, 0, images.shape, images.dtype))
    except OSError:
        path.unlink(missing_ok=True)
        return images
    layout = Layout(images.shape[1:], images.dtype)
    return MappedStore([file], None, True, Known(layout, images.extent))
