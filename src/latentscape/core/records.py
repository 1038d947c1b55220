"""The records that carry data from one layer to the next.

::

    source -> Dataset -> Split -> Network -> LossTerms -> Run -> Findings
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from latentscape.core.doors import Displayed
from latentscape.core.ranges import RangeReason, choose_range
from latentscape.core.scratch import stacked
from latentscape.core.stores import ImageStore, Kept, ResidentStore, StoreReason
from latentscape.core.subsets import draw_subset, max_examples, shuffle, take_turns
from latentscape.core.units import shape

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[Any]

_BY_CONTENT: Any = None
"""Stands for a range that is yet to be decided."""

PARTS = ("train", "validation", "test")
"""The parts of a split, in the order in which they are used."""

Subsets = Literal["front", "drawn", "limited"]
_EXAMPLES = 18
"""Keeps the generator of shown examples apart from those of splits and subsets."""


LeftOutKind = Literal["array", "column", "example", "file", "folder", "label", "part"]


@dataclass(frozen=True)
class LeftOut:
    """Something in a source that is not used: whoever has it there should know.

    Attributes
    ----------
    kind : str
        What was left out.
    names : tuple of str
        What it is called; the first few where there are many.
    count : int
        How many there are.
    reason : str
        Why it is not used, in a few words.
    """

    kind: LeftOutKind
    names: tuple[str, ...]
    count: int
    reason: str

    @classmethod
    def of(
        cls, kind: LeftOutKind, names: Sequence[str], reason: str, max_names: int = 3
    ) -> tuple[Self, ...]:
        """Count what is left out, and name the first few; nothing where there are no names."""
        return (cls(kind, tuple(names[:max_names]), len(names), reason),) if names else ()


class _Images:
    """A field that holds a store, and wraps an array that it is set to."""

    def __get__(self, dataset: "Dataset | None", owner: type) -> ImageStore:
        if dataset is None:
            raise AttributeError  # A dataclass takes what a class has for a default.
        images: ImageStore = dataset.__dict__["images"]
        return images

    def __set__(self, dataset: "Dataset", images: ImageStore | Array) -> None:
        store = ResidentStore(images) if isinstance(images, np.ndarray) else images
        dataset.__dict__["images"] = store


@dataclass(frozen=True, eq=False)
class Dataset(Displayed):
    """Examples as they are stored, before any split.

    Attributes
    ----------
    name : str
        Short name, used in run names: the source's name or the file's stem.
    images : ImageStore
        Images (N, C, H, W) or plain vectors (N, D), of uint8 or float32. An array may be passed; it
        is wrapped and not copied.
    labels : ndarray of int64 or None
        (N,) indices into `label_names`; None without labels.
    label_names : tuple of str
        What each label is called.
    value_range : tuple of float
        The stored values that stand for 0 and for 1: (0, 255) for 8-bit images. By default the type
        and the values decide; see `choose_range`.
    n_official_train : int or None
        The first so many examples are the official training part; None where the source has no
        official split.
    n_official_validation : int
        The next so many are the official validation part. The rest is the official test part.
    origin : str
        Where it was found: a path, or the package that carries it.
    left_out : tuple of LeftOut
        What else the source holds: files, columns, arrays or parts that are not used.
    range_reason : str
        Why `value_range` is what it is; see `RangeReason`.
    tests_on_validation : bool
        The official test part is what the source calls its validation part: it has no test part.
    store_reason : str
        Why `images` is a store of its kind; see `StoreReason`.
    """

    name: str
    images: _Images = _Images()  # noqa: RUF009
    labels: NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()
    value_range: tuple[float, float] = _BY_CONTENT
    n_official_train: int | None = None
    n_official_validation: int = 0
    origin: str = ""
    left_out: tuple[LeftOut, ...] = ()
    range_reason: RangeReason = "setting"
    tests_on_validation: bool = False
    store_reason: StoreReason = "memory"

    def __post_init__(self) -> None:
        if self.value_range is not None or not isinstance(self.images, ImageStore):
            return
        if self.images.dtype.kind in "biuf":  # Other types are refused where data are checked.
            decision = choose_range(self.images.extent, self.images.shape[1:], self.name)
            for name, value in zip(("value_range", "range_reason"), decision, strict=True):
                object.__setattr__(self, name, value)

    @property
    def kept(self) -> Kept:
        """Where the images are kept, and why there."""
        images = self.images
        return Kept(kind=images.kind, reason=self.store_reason, n_bytes=images.nbytes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example: (C, H, W) or (D,)."""
        return tuple(int(size) for size in self.images.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all that can change a result: values, labels, range, official split."""
        official = self.n_official_train, self.n_official_validation
        before = before_values(self.images.dtype, self.images.shape, self.value_range, official)
        return self.images.digest(before, after_values(self.labels, self.label_names))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        labels = f", {len(self.label_names)} labels" if self.labels is not None else ""
        return f"<Dataset {self.name}: {len(self):,} of {shape(self.shape)}{labels}>"


def before_values(
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    value_range: tuple[float, float],
    official: tuple[int | None, int],
) -> bytes:
    """Return what stands before all values in what a fingerprint is a digest of."""
    n_train, n_validation = official
    before = repr((dtype.str, shape, value_range, n_train))
    # Data without such a part keep the fingerprint they had.
    return (before + f"validation {n_validation}" * bool(n_validation)).encode()


def after_values(labels: NDArray[np.int64] | None, label_names: tuple[str, ...]) -> bytes:
    """Return what stands after all values in what a fingerprint is a digest of."""
    if labels is None:
        return b""
    return repr(label_names).encode() + np.ascontiguousarray(labels).tobytes()


@dataclass(frozen=True, eq=False)
class Split(Displayed):
    """Which examples of a dataset are trained on, validated on and tested on.

    Attributes
    ----------
    dataset : Dataset
        The examples.
    train, validation, test : ndarray of int64
        Disjoint indices into the dataset. Only `test` is never used to train or to choose.
    seed : int
        What drew the split (an official test part is not drawn).
    subsets : str
        Where examples to show and kept codes are from: ``limited``, drawn from as many of a part as
        analyses look at; ``drawn`` from the whole part, in version 0.2.0; before that ``front``,
        the first examples, and codes of evenly spaced ones.
    grey : Dataset or None
        The examples with grey pixels, where those of `dataset` were drawn black or white.
    """

    dataset: Dataset
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    seed: int = 0
    subsets: Subsets = "limited"
    grey: Dataset | None = None

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size:,} {part}" for part, size in self.sizes.items())
        return f"<Split of {self.dataset.name}: {sizes}>"

    @property
    def sizes(self) -> dict[str, int]:
        """Number of examples in each part."""
        return {
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
        }

    @property
    def train_labels(self) -> dict[str, int] | None:
        """Number of training examples by the name of their label; None without labels."""
        labels, names = self.dataset.labels, self.dataset.label_names
        if labels is None:
            return None
        counts = np.bincount(labels[self.train], minlength=len(names)).tolist()
        return dict(zip(names, counts, strict=True))

    def examples(self, count: int = 16, part: str = "test") -> NDArray[np.int64]:
        """Draw examples to show: always the same ones, the classes taking turns.

        Parameters
        ----------
        count : int
            How many at most.
        part : str
            ``train``, ``validation`` or ``test``.

        Returns
        -------
        ndarray of int64
            Indices into the dataset.
        """
        labels = self.dataset.labels
        source = np.random.default_rng([self.seed, _EXAMPLES])
        index: NDArray[np.int64] = getattr(self, part)
        if self.subsets == "limited":
            index = self.subset(part, max_examples(self.dataset.shape))
        index = index if self.subsets == "front" else shuffle(index, source)
        return (index if labels is None else take_turns(index, labels))[:count]

    def subset(self, part: str, max_count: int) -> NDArray[np.int64]:
        """Draw at most so many examples of a part, always the same ones; see `draw_subset`.

        Parameters
        ----------
        part : str
            ``train``, ``validation`` or ``test``.
        max_count : int
            How many at most.

        Returns
        -------
        ndarray of int64
            Sorted indices into the dataset.
        """
        return draw_subset(getattr(self, part), self.dataset.labels, max_count, self.seed)

    def limited(self) -> "Split":
        """Return the split that analyses of codes look at: itself, unless a part is large.

        Of a part that has more examples than `max_examples`, so many are drawn. Examples to show
        are among them, except those of earlier versions.
        """
        at_most = max_examples(self.dataset.shape)
        if max(self.sizes.values()) <= at_most:
            return self
        train, validation, test = (self.subset(part, at_most) for part in PARTS)
        return replace(self, train=train, validation=validation, test=test)


@dataclass(frozen=True, eq=False)
class Codes:
    """What an encoder makes of the examples of a split, whoever made the encoder.

    Attributes
    ----------
    name : str
        What it is called in tables.
    kind : str
        ``model``; ``pixels`` or ``pca``, the baselines; ``other`` for codes made elsewhere.
    split : Split
        The examples.
    train, validation, test : ndarray of float32
        (n, D) codes of the examples of each part, in its order.
    """

    name: str
    kind: str
    split: Split
    train: Array
    validation: Array
    test: Array

    @property
    def dim(self) -> int:
        """Length of a code."""
        return int(self.test.shape[1])

    @property
    def label_names(self) -> tuple[str, ...]:
        """What each label is called; empty without labels."""
        return () if self.split.dataset.labels is None else self.split.dataset.label_names

    def part(self, name: str) -> Array:
        """Return the codes of a part: ``train``, ``validation``, ``test`` or ``all`` of them."""
        parts = (self.train, self.validation, self.test)
        if name == "all":
            return stacked(parts, (sum(map(len, parts)), self.dim))
        return dict(zip(PARTS, parts, strict=True))[name]

    def index(self, part: str) -> NDArray[np.int64]:
        """Return the indices into the dataset that the rows of `part` stand for."""
        parts = {name: getattr(self.split, name) for name in PARTS}
        return np.concatenate(list(parts.values())) if part == "all" else parts[part]

    def labels(self, part: str) -> NDArray[np.int64] | None:
        """Return the labels (n,) of the rows of `part`; None without labels."""
        labels = self.split.dataset.labels
        return None if labels is None else labels[self.index(part)]


@dataclass(frozen=True)
class LossTerms:
    """What one forward pass costs.

    Attributes
    ----------
    total : Tensor
        Scalar: the weighted sum of the terms, in nats per example; what training minimises.
    terms : dict of str to Tensor
        Each term on its own, unweighted: summed over pixels or latent dimensions, averaged over
        examples.
    """

    total: "Tensor"
    terms: dict[str, "Tensor"]
