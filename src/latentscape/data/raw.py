"""What a file holds, and how it becomes a `Dataset`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array, Dataset
from latentscape.data.labels import encode_labels
from latentscape.data.values import arrange, compact

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Raw:
    """Values and labels as a file holds them.

    Attributes
    ----------
    values : ndarray
        (N, D), (N, H, W), (N, C, H, W) or (N, H, W, C), of any numeric type.
    labels : ndarray or None
        (N,) numbers or texts.
    label_names : tuple of str
        Given where `labels` are indices already.
    value_range : tuple of float or None
        The values that stand for 0 and 1, where the format knows them.
    n_official_train : int or None
        As in `Dataset`.
    origin : str
        Where it was found, where that is not the path that was asked for.
    channels_first : bool
        Whether four axes are known to be (N, C, H, W), so that nothing needs guessing.
    left_out : tuple of str
        As in `Dataset`.
    along : pyarrow.Table or None
        What a stream brings along with the values: names of files, further columns; N rows.
    """

    values: Array
    labels: Array | None = None
    label_names: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None
    n_official_train: int | None = None
    origin: str = ""
    channels_first: bool = False
    left_out: tuple[str, ...] = ()
    along: "pa.Table | None" = None


def to_dataset(raw: Raw, name: str, origin: str, config: DataConfig) -> Dataset:
    """Give raw values their final type, axes, range and label indices.

    Parameters
    ----------
    raw : Raw
        What a reader found.
    name : str
        Short name of the dataset.
    origin : str
        Where it was found; begins every message.
    config : DataConfig
        ``shape`` and ``range`` are applied.

    Raises
    ------
    DataError
        For values that are not finite numbers, a shape that does not fit, labels of another count,
        a range that is none, or fewer than two examples.
    """
    images = arrange(compact(raw.values, origin), config.shape, origin, raw.channels_first)
    if len(images) < 2:
        raise DataError(
            f"{origin} holds {len(images)} example(s)",
            expected="two or more: one to train on, one to test on",
        )
    labels, label_names = _labels(raw, origin)
    return Dataset(
        name=name,
        images=images,
        labels=labels,
        label_names=label_names,
        value_range=range_of(raw, config),
        n_official_train=raw.n_official_train,
        origin=raw.origin or origin,
        left_out=raw.left_out,
    )


def join_parts(train: Raw, test: Raw, origin: str) -> Raw:
    """Put an official training and an official test part into one.

    Parameters
    ----------
    train, test : Raw
        The parts, both with labels or both without.
    origin : str
        Where they come from, for the message.

    Raises
    ------
    DataError
        If their examples differ in shape, or only one part has labels.
    """
    if train.values.shape[1:] != test.values.shape[1:]:
        raise DataError(
            f"In {origin}, training examples have the shape {train.values.shape[1:]} "
            f"and test examples {test.values.shape[1:]}",
            expected="one shape",
        )
    if (train.labels is None) != (test.labels is None):
        raise DataError(
            f"In {origin}, only one of the training and test parts has labels",
            expected="both or none",
        )
    labels = (
        None
        if train.labels is None or test.labels is None
        else np.concatenate([train.labels, test.labels])
    )
    return Raw(
        np.concatenate([train.values, test.values]), labels, n_official_train=len(train.values)
    )


def labelled(labels: Array, **columns: list[str]) -> "pa.Table":
    """Return what shall go along with examples, their labels in the column ``label``."""
    import pyarrow as pa

    return pa.table({**columns, "label": labels})


def range_of(raw: Raw, config: DataConfig) -> tuple[float, float]:
    """Return the values that stand for 0 and 1: those asked for, or known, or customary.

    Raises
    ------
    DataError
        If that is no range.
    """
    by_type = {"b": (0.0, 1.0), "f": (0.0, 1.0)}.get(raw.values.dtype.kind, (0.0, 255.0))
    low, high = config.range or raw.value_range or by_type
    if not (np.isfinite([low, high]).all() and low < high):
        raise DataError(
            f"The range of values [{low:g}, {high:g}] is none",
            expected="two numbers, the smaller one first",
            fix="Set data.range.",
        )
    return float(low), float(high)


def _labels(raw: Raw, origin: str) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    if raw.labels is None:
        return None, ()
    if len(raw.labels) != len(raw.values):
        raise DataError(
            f"{origin} holds {len(raw.values)} examples but {len(raw.labels)} labels",
            expected="a label for each example",
        )
    if raw.label_names:
        return raw.labels.astype(np.int64), raw.label_names
    return encode_labels(raw.labels, origin)
