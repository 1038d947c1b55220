"""Statistics of a data set: counts, range, and the entropy below which no loss can go."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from latentscape.core.doors import Displayed
from latentscape.core.errors import DataError
from latentscape.core.ranges import RangeReason, suggest_ranges
from latentscape.core.records import Array, Dataset, LeftOut, Split
from latentscape.core.stores import ImageStore, Kept
from latentscape.core.units import shape
from latentscape.data.duplicates import Duplicates, count_duplicates

_CHUNK = 1 << 22
"""Values that are processed together, so that memory stays bounded."""


class DataSummary(Displayed, BaseModel):
    """What a data set holds and how it is split.

    Attributes
    ----------
    name, origin : str
        As in `Dataset`.
    n : int
        Number of examples.
    shape : tuple of int
        Of one example, (C, H, W) or (D,).
    dtype : str
        Type of the stored values.
    value_range : tuple of float
        The stored values that stand for 0 and for 1.
    range_reason : str
        Why; see `RangeReason`.
    min, max : float
        The smallest and the largest stored value.
    labels : dict of str to int, or None
        Number of examples by the name of their label; None without labels.
    left_out : tuple of LeftOut
        What else the source holds, and why it is not used.
    tests_on_validation : bool
        As in `Dataset`.
    split : dict of str to int
        Number of examples in each part.
    seed : int
        Seed of the split.
    fingerprint : str
        SHA-256 of the data.
    entropy_floor : float or None
        In nats per value; see `entropy_floor`.
    duplicates : Duplicates
        Test examples that are also training examples.
    kept : Kept
        Where images are kept, and why there.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    origin: str
    n: int
    shape: tuple[int, ...]
    dtype: str
    value_range: tuple[float, float]
    range_reason: RangeReason
    min: float
    max: float
    labels: dict[str, int] | None
    left_out: tuple[LeftOut, ...]
    tests_on_validation: bool
    split: dict[str, int]
    seed: int
    fingerprint: str
    entropy_floor: float | None
    duplicates: Duplicates
    kept: Kept

    def __getitem__(self, name: str) -> Any:
        """Return a field by its name, as from the dictionary that this was in 0.1."""
        message = f"A data summary is not a dictionary any more: use summary.{name}."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(self, name)

    def __repr__(self) -> str:
        return f"<DataSummary of {self.name}: {self.n:,} of {shape(self.shape)}>"

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.model_dump().items())


def summarize(dataset: Dataset, split: Split) -> DataSummary:
    """Summarize a data set and its split."""
    return DataSummary(
        name=dataset.name,
        origin=dataset.origin,
        n=len(dataset),
        shape=dataset.shape,
        dtype=str(dataset.images.dtype),
        value_range=dataset.value_range,
        range_reason=dataset.range_reason,
        min=dataset.images.extent.low,
        max=dataset.images.extent.high,
        labels=_label_counts(dataset),
        left_out=dataset.left_out,
        tests_on_validation=dataset.tests_on_validation,
        split=split.sizes,
        seed=split.seed,
        fingerprint=dataset.fingerprint,
        entropy_floor=entropy_floor(dataset.images, dataset.value_range),
        duplicates=count_duplicates(split),
        kept=dataset.kept,
    )


def entropy_floor(images: ImageStore, value_range: tuple[float, float]) -> float | None:
    """Return the smallest binary cross-entropy that any reconstruction can reach.

    The cross-entropy of a value x in [0, 1] is smallest where the reconstruction equals x. There it
    is the entropy -(x ln x + (1 - x) ln(1 - x)), which is 0 only for black and white.

    Parameters
    ----------
    images : ImageStore
        (N, ...).
    value_range : tuple of float
        The stored values that stand for 0 and 1.

    Returns
    -------
    float or None
        Mean over all values, in nats per value; None where a value falls outside the range.
    """
    low, high = value_range
    if not images.size or not _within(images, value_range):
        return None
    if images.dtype == np.uint8:
        # There are 256 values: count them, and take the entropy of each once.
        counts = sum(
            (np.bincount(chunk, minlength=256) for chunk in _chunks(images)),
            np.zeros(256, np.int64),
        )
        present = np.flatnonzero(counts)
        total = float(np.dot(counts[present], _entropy((present - low) / (high - low))))
    else:
        scaled = ((chunk.astype(np.float64) - low) / (high - low) for chunk in _chunks(images))
        total = sum(float(_entropy(chunk).sum()) for chunk in scaled)
    return total / images.size


def check_unit_range(dataset: Dataset) -> None:
    """Refuse values outside the range that stands for [0, 1], as a Bernoulli likelihood must.

    Raises
    ------
    DataError
        If (x - low) / (high - low) leaves [0, 1] for a value x.
    """
    if _within(dataset.images, dataset.value_range):
        return
    low, high = dataset.value_range
    extent = dataset.images.extent
    readings = suggest_ranges(
        min(extent.low, low), max(extent.high, high), is_whole=extent.is_whole
    )
    raise DataError(
        f"The values of {dataset.name} go from {extent.low:g} to {extent.high:g}",
        expected=f"values from {low:g} to {high:g}, which a Bernoulli likelihood reads as 0 to 1",
        fix=f"Say {readings}; or choose a likelihood for any values "
        "(--set model.likelihood=gaussian).",
    )


def value_limits(dataset: Dataset) -> tuple[float, float]:
    """Return the smallest and the largest value that a model trained on a dataset shall take.

    They are the ends of the range, unless that is not meant to hold all values: where values leave
    it, or where it goes from the smallest to the largest of them and is no customary range such as
    0 to 1, 255 or 4,095. Then new values may lie as far outside as the others are apart.
    """
    low, high = dataset.value_range
    smallest, largest = dataset.images.extent.low, dataset.images.extent.high
    is_learnt = (low, high) == (smallest, largest) and not _is_customary(low, high)
    if _within(dataset.images, (low, high)) and not is_learnt:
        return low, high
    low, high = min(low, smallest), max(high, largest)
    return 2 * low - high, 2 * high - low


def _is_customary(low: float, high: float) -> bool:
    """Whether a range ends at a power of two or one below, as those of bits do."""
    powers = [2.0**bits for bits in range(17)]
    return low in (0, -1) and high in {*powers, *(power - 1 for power in powers)}


def _within(images: ImageStore, value_range: tuple[float, float]) -> bool:
    """Tell whether all values lie in a range, whose ends are rounded as the values are."""
    low, high = np.array(value_range, dtype=np.result_type(images.dtype, np.float32))
    return bool(images.extent.low >= low and images.extent.high <= high)


def _label_counts(dataset: Dataset) -> dict[str, int] | None:
    if dataset.labels is None:
        return None
    counts = np.bincount(dataset.labels, minlength=len(dataset.label_names)).tolist()
    return dict(zip(dataset.label_names, counts, strict=True))


def _chunks(images: ImageStore) -> Iterator[Array]:
    """Yield all values in order, `_CHUNK` of them at a time at most."""
    chunks = (chunk.reshape(-1) for chunk in images.chunks())
    return (
        flat[start : start + _CHUNK] for flat in chunks for start in range(0, flat.size, _CHUNK)
    )


def _entropy(x: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(x * np.log(x) + (1 - x) * np.log1p(-x))
    return np.where((x > 0) & (x < 1), entropy, 0.0)
