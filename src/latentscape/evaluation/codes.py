"""Codes of every origin: a model's, raw pixels, principal components, and those made elsewhere."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError
from latentscape.core.progress import stage
from latentscape.core.records import PARTS, Array, Codes, Split
from latentscape.core.scratch import stacked
from latentscape.evaluation.principal import fit_components
from latentscape.inference.batches import BATCH, stored_batches
from latentscape.inference.codec import encode
from latentscape.model import Network, scaled

Encoder = Callable[[Array], Array]
"""Stored images (n, *shape) to codes (n, D)."""


@stage("encoding")
def model_codes(model: Network, split: Split, name: str) -> Codes:
    """Encode the examples of a split with a model; posterior means where codes are random."""
    return _codes(
        name,
        "model",
        split,
        lambda index: _checked(encode(model, split.dataset, index), len(index), name),
    )


def pixel_codes(split: Split) -> Codes:
    """Take the images themselves, on the scale 0 to 1, for codes."""
    dataset = split.dataset

    def pixels(index: NDArray[np.int64]) -> Array:
        batches = stored_batches(dataset, index)
        rows = (scaled(images, dataset.value_range).flatten(1).numpy() for images, _ in batches)
        return stacked(rows, (len(index), math.prod(dataset.shape)))

    return _codes("raw pixels", "pixels", split, pixels)


@stage("PCA", detail="codes for comparison")
def pca_codes(pixels: Codes, dim: int) -> Codes:
    """Project to principal components of the training images.

    Parameters
    ----------
    pixels : Codes
        Those of `pixel_codes`.
    dim : int
        How many components; there are fewer where the images have fewer values, or are fewer.
    """
    rows = pixels.train
    dim = min(dim, *rows.shape)
    model = fit_components(lambda places: rows[places], (len(rows), rows.shape[1]), dim)
    train, validation, test = (model.project(pixels.part(part)) for part in PARTS)
    return Codes(f"PCA, {dim}", "pca", pixels.split, train, validation, test)


def encoder_codes(encoder: Encoder, split: Split, name: str) -> Codes:
    """Encode the examples of a split with a function that somebody else wrote.

    Parameters
    ----------
    encoder : callable
        From stored images (n, *shape) to codes (n, D).
    split : Split
        The examples.
    name : str
        What to call it.

    Raises
    ------
    DataError
        If it does not return one code of finite numbers for each image.
    """

    def encoded(index: NDArray[np.int64]) -> Array:
        batches = stored_batches(split.dataset, index)
        codes = np.concatenate([np.asarray(encoder(images.numpy())) for images, _ in batches])
        return _checked(codes, len(index), name).astype(np.float32, copy=False)

    return _codes(name, "other", split, encoded)


def array_codes(codes: Array, split: Split, name: str) -> Codes:
    """Take codes that were made elsewhere, of the examples of a dataset in its order.

    Parameters
    ----------
    codes : ndarray
        (N, ...) one for each example of the dataset; made flat if need be.
    split : Split
        The examples.
    name : str
        What to call them.

    Raises
    ------
    DataError
        If there is not one code of finite numbers for each example.
    """
    codes = _checked(codes, len(split.dataset), name)
    return _codes(name, "other", split, lambda index: rows_at(codes, index))


def is_constant(codes: Codes) -> bool:
    """Whether all training codes are the same: the encoder has collapsed."""
    return are_same(codes.train)


def are_same(codes: Array) -> bool:
    """Whether codes (n, D), one at least, are all the same, up to rounding."""
    ranges = np.ptp(codes, axis=0)
    largest = max(float(codes.max(initial=0.0)), -float(codes.min(initial=0.0)), 1e-30)
    return float(ranges.max(initial=0.0)) <= 1e-6 * largest


def count_not_finite(rows: Array) -> int:
    """Count the rows (n, ...) with a value that is not finite."""
    flat = (chunk.reshape(len(chunk), -1) for chunk in _chunks(rows))
    return sum(int((~np.isfinite(chunk).all(1)).sum()) for chunk in flat)


def _codes(
    name: str, kind: str, split: Split, select: Callable[[NDArray[np.int64]], Array]
) -> Codes:
    train = select(split.train)
    dim = train.shape[1]
    rest = (
        select(index) if len(index) else np.empty((0, dim), np.float32)
        for index in (split.validation, split.test)
    )
    return Codes(name, kind, split, train, *rest)


def rows_at(rows: Array, index: NDArray[np.int64]) -> Array:
    """Return the rows (n, ...) at some places, as float32, in an array that may be large."""
    parts = (rows[places] for places in _chunks(index))
    return stacked(parts, (len(index), *rows.shape[1:]))


def _chunks(rows: Array) -> Iterator[Array]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _checked(codes: Array, count: int, name: str) -> Array:
    """Return codes (count, D), all of them finite numbers."""
    if codes.ndim == 0 or len(codes) != count:
        length = 0 if codes.ndim == 0 else len(codes)
        raise DataError(
            f"{name} has {length:,} codes, and there are {count:,} examples",
            expected="one code for each example, in the order of the data",
        )
    if codes.dtype.kind not in "fiub":
        raise DataError(f"The codes of {name} are of type {codes.dtype}", expected="numbers")
    codes = codes.reshape(count, -1)
    if codes.dtype.kind == "f" and codes.dtype != np.float32:  # Which may not hold the numbers.
        codes = rows_at(codes, np.arange(count))
    if bad := count_not_finite(codes):
        raise DataError(
            f"{bad:,} of {count:,} codes of {name} are not finite (NaN or infinity)",
            fix="Look for a diverged encoder or for missing values, and encode again.",
        )
    return codes
