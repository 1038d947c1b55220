"""One pass over a source that is not kept in memory: what its examples are, and their digest.

The pass is made once. What it finds is kept in the cache, and holds as long as the files of the
source are what they were.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.findings import Record
from latentscape.core.progress import stage
from latentscape.core.ranges import Extent, RangeReason, ValueRange
from latentscape.core.records import Array, Dataset, LeftOut, after_values, before_values
from latentscape.core.stores import ImageStore
from latentscape.data.contents import Contents, Examples
from latentscape.data.disk import ends
from latentscape.data.labels import index_labels
from latentscape.data.streams import Layout, asked_range, convert, decide_range
from latentscape.data.whole import check_examples, wrong_count

Labels = NDArray[np.int64] | None

VERSION = 2
"""Raised where what is kept in the cache changes its form."""


class Inventory(Record):
    """What is known of all examples of a source, beside the labels.

    Attributes
    ----------
    version : int
        See `VERSION`.
    identity : str
        Of the files of the source, as they were.
    beside : tuple of str
        Those of them that do not lie in it, such as one of labels.
    shape, dtype : tuple of int, str
        (N, ...) of all examples, and the type of their values.
    extent : Extent
        Of all values.
    digests : dict of str to str
        As of `latentscape.data.disk.Known`.
    value_range, range_reason, label_names, n_official_train, n_official_validation, origin,
    left_out, tests_on_validation
        As of `Dataset`.
    """

    version: int = VERSION
    identity: str
    beside: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    extent: Extent
    digests: dict[str, str]
    value_range: tuple[float, float]
    range_reason: RangeReason
    label_names: tuple[str, ...]
    n_official_train: int | None
    n_official_validation: int
    origin: str
    left_out: tuple[LeftOut, ...]
    tests_on_validation: bool

    @property
    def layout(self) -> Layout:
        """What each example is brought to."""
        return Layout(self.shape[1:], np.dtype(self.dtype))

    def dataset(self, reading: "Reading", images: ImageStore, labels: Labels) -> Dataset:
        """Return the dataset that a store holds the images of.

        Raises
        ------
        DataError
            If these are too few, or the range that is asked for is none.
        """
        config, origin = reading.config, reading.origin
        check_examples(self.shape, config, origin, reading.least)
        value_range, reason = asked_range(config, origin) or (self.value_range, self.range_reason)
        return Dataset(
            name=reading.name,
            images=images,
            labels=labels,
            label_names=self.label_names,
            value_range=value_range,
            n_official_train=self.n_official_train,
            n_official_validation=self.n_official_validation,
            origin=self.origin or reading.origin,
            left_out=self.left_out,
            range_reason=reason,
            tests_on_validation=self.tests_on_validation,
        )


@dataclass(frozen=True)
class Reading:
    """A source that is to be read, and how.

    Attributes
    ----------
    open : callable
        Opens it, with at most so many examples in a batch. It can be pickled.
    name, origin : str
        Short name of the dataset, and where the examples come from.
    config : DataConfig
        Settings of the data.
    known : tuple of float or None
        The range of the data of a trained model, which decides where the values do not.
    path : Path or None
        The file or folder; None of what has a name.
    view : str
        Which values of the file these are, where its format does not say.
    least : int
        How many examples are needed.
    """

    open: Callable[[int], Contents]
    name: str
    origin: str
    config: DataConfig
    known: ValueRange | None = None
    path: Path | None = None
    view: str = ""
    least: int = 2


def take_inventory(
    reading: Reading, what: str, size: int, identity: str, file: BinaryIO | None = None
) -> tuple[Inventory, Labels]:
    """Go over all examples of a source.

    Parameters
    ----------
    reading : Reading
        The source. It is opened again where a later example turns out to be in colour or a float,
        and none before it was.
    what : str
        What people read meanwhile.
    size : int
        How many examples are in memory at a time, at most.
    identity : str
        Of the files.
    file : binary file, optional
        Receives the values of all examples.

    Returns
    -------
    Inventory
        What is known of all of them.
    labels : ndarray of int64 or None
        (N,) indices.

    Raises
    ------
    DataError
        As by `latentscape.data.whole.to_dataset`.
    """
    layout: Layout | None = None
    while True:
        attempt = _Pass(reading, reading.open(size), layout, file)
        try:
            attempt.go_over(what)
        except _Wider as wider:
            layout = wider.layout
        else:
            return attempt.inventory(identity)


class _Wider(Exception):
    """An example needs another layout than those before it."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout


class _Pass:
    """A pass over a source, and what it has found so far."""

    def __init__(
        self, reading: Reading, contents: Contents, layout: Layout | None, file: BinaryIO | None
    ) -> None:
        self._reading, self._contents, self._layout, self._file = reading, contents, layout, file
        self._count = 0
        self._labels: list[Array] = []
        self._stored: Extent | None = None
        self._extent: Extent | None = None
        self._begun: bytes | None = None
        self._digest: Any = None

    def go_over(self, what: str) -> None:
        """Look at all examples."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
        reading = self._reading
        with stage(what, self._contents.count) as work:
            for examples, chunk in convert(self._contents, reading.origin, reading.config):
                place = examples.place or f"example {self._count} of {reading.origin}"
                self._add(examples, chunk.images, place)
                work.advance(len(chunk.images))

    def inventory(self, identity: str) -> tuple[Inventory, Labels]:
        """Return what has been found."""
        contents, reading = self._contents, self._reading
        count, layout = self._count, self._layout or Layout((0,), np.dtype(np.uint8))
        check_examples((count, *layout.shape), reading.config, reading.origin, reading.least)
        if contents.count not in (None, count):
            raise wrong_count(reading.origin, count, contents.count)
        raw = np.concatenate(self._labels) if self._labels else None
        labels, names, unused = index_labels(raw, count, contents.label_names, reading.origin)
        value_range, reason = self._range()
        inventory = Inventory(
            identity=identity,
            beside=tuple(os.fspath(file.absolute()) for file in contents.beside),
            shape=(count, *layout.shape),
            dtype=layout.dtype.str,
            extent=self._extent or Extent.of(np.empty(0, layout.dtype)),
            digests={},
            value_range=value_range,
            range_reason=reason,
            label_names=names,
            n_official_train=contents.n_official_train,
            n_official_validation=contents.n_official_validation,
            origin=contents.origin,
            left_out=(*contents.left_out, *contents.left_out_at_end(), *unused),
            tests_on_validation=contents.tests_on_validation,
        )
        digests = self._digests(value_range, after_values(labels, names))
        return inventory.model_copy(update={"digests": digests}), labels

    def _add(self, examples: Examples, images: Array, place: str) -> None:
        layout = self._layout or Layout.of(images)
        if (wider := layout.joined(images, place)) != layout:
            raise _Wider(wider)
        self._layout, images = layout, layout.applied(images)
        self._stored = Extent.of(examples.values).joined(self._stored)
        self._extent = Extent.of(images).joined(self._extent)
        if examples.labels is not None:
            self._labels.append(examples.labels)
        if not self._count:
            self._begin_digest()
        if self._digest is not None:
            self._digest.update(images.data)
        if self._file is not None:
            self._file.write(images.data)
        self._count += len(images)

    def _range(self) -> tuple[ValueRange, RangeReason]:
        shape = () if self._layout is None else self._layout.shape
        reading = self._reading
        return decide_range(
            self._contents, self._stored, shape, reading.config, reading.origin, reading.known
        )

    def _before(self, value_range: ValueRange) -> bytes:
        """Return what a digest begins with."""
        contents, layout = self._contents, self._layout
        assert layout is not None
        assert contents.count is not None
        official = contents.n_official_train, contents.n_official_validation
        return before_values(layout.dtype, (contents.count, *layout.shape), value_range, official)

    def _begin_digest(self) -> None:
        """Begin with the range that the first examples show; nearly always it is that of all."""
        if self._contents.count is None:
            return
        with suppress(DataError):  # They do not show it.
            self._begun = self._before(self._range()[0])
            self._digest = hashlib.sha256(self._begun)

    def _digests(self, value_range: ValueRange, after: bytes) -> dict[str, str]:
        """Return the digest of all, if it began with the right range."""
        if self._begun is None or self._begun != self._before(value_range):
            return {}
        self._digest.update(after)
        return {ends(self._begun, after): self._digest.hexdigest()}
