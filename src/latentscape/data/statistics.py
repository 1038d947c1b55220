"""What a data set is like: counts, range, and the entropy below which no loss can go."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset, Split

_CHUNK = 1 << 22  # values that are looked at together, so that memory stays bounded


def describe(dataset: Dataset, split: Split) -> dict[str, Any]:
    """Describe a data set and its split.

    Parameters
    ----------
    dataset : Dataset
        The examples.
    split : Split
        Its parts.

    Returns
    -------
    dict
        JSON-able: ``name``, ``origin``, ``n``, ``shape``, ``dtype``, ``value_range`` as declared,
        ``min`` and ``max`` as found, ``labels`` (name to count; None without), ``left_out``
        (columns of a table that are neither values nor the label), ``split`` (sizes),
        ``seed``, ``fingerprint`` and ``entropy_floor`` (nats per value; see `entropy_floor`).
    """
    return {
        "name": dataset.name,
        "origin": dataset.origin,
        "n": len(dataset),
        "shape": list(dataset.shape),
        "dtype": str(dataset.images.dtype),
        "value_range": list(dataset.value_range),
        "min": float(dataset.images.min()),
        "max": float(dataset.images.max()),
        "labels": _label_counts(dataset),
        "left_out": list(dataset.left_out),
        "split": split.sizes,
        "seed": split.seed,
        "fingerprint": dataset.fingerprint,
        "entropy_floor": entropy_floor(dataset.images, dataset.value_range),
    }


def entropy_floor(images: Array, value_range: tuple[float, float]) -> float | None:
    """Return the least binary cross-entropy that any reconstruction can reach.

    The cross-entropy of a value x in [0, 1] is least where the reconstruction equals x, and there
    it is the entropy -(x ln x + (1 - x) ln(1 - x)), which is 0 only for black and white.

    Parameters
    ----------
    images : ndarray of uint8 or float32
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
        counts = np.sum([np.bincount(chunk, minlength=256) for chunk in _chunks(images)], axis=0)
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
    found = float(dataset.images.min()), float(dataset.images.max())
    least, most = min(found[0], low), max(found[1], high)
    raise DataError(
        f"The values of {dataset.name} go from {found[0]:g} to {found[1]:g}",
        expected=f"values from {low:g} to {high:g}, which a Bernoulli likelihood reads as 0 to 1",
        fix=f"Say which values stand for 0 and 1 (--set data.range=[{least:.9g},{most:.9g}]) "
        "or choose a likelihood for any values (--set model.likelihood=gaussian).",
    )


def _within(images: Array, value_range: tuple[float, float]) -> bool:
    """Tell whether all values lie in a range, whose ends have the precision of the values."""
    low, high = np.array(value_range, dtype=np.result_type(images.dtype, np.float32))
    return bool(images.min() >= low and images.max() <= high)


def _label_counts(dataset: Dataset) -> dict[str, int] | None:
    if dataset.labels is None:
        return None
    counts = np.bincount(dataset.labels, minlength=len(dataset.label_names)).tolist()
    return dict(zip(dataset.label_names, counts, strict=True))


def _chunks(images: Array) -> Iterator[Array]:
    flat = images.reshape(-1)
    return (flat[start : start + _CHUNK] for start in range(0, flat.size, _CHUNK))


def _entropy(x: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(x * np.log(x) + (1 - x) * np.log1p(-x))
    return np.where((x > 0) & (x < 1), entropy, 0.0)
