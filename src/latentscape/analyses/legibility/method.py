"""Legibility: whether a reconstruction still shows what the original shows."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError
from latentscape.core.records import Array, Findings, Split
from latentscape.core.units import joined, number
from latentscape.evaluation.judge import Classifier, trained_classifier
from latentscape.inference.batches import BATCH, stored, stored_batches, subsample
from latentscape.inference.codec import Reconstruct
from latentscape.model import scaled

SHOWN = 16
"""Test images that are looked at one by one, the same ones in every run of a split."""

VEIL = 0.05
"""Share of an image that is as dark as its ground, at least."""

FLAT = 1e-3
"""Contrast below which there is nothing to read, and nothing to be raised."""

SLACK = 1e-3
"""How far a reconstruction may leave the scale 0 to 1, by rounding."""

NOTHING: dict[str, Any] = {
    "protocol": "",
    "left_out": [],
    "n": 0,
    "readable": None,
    "originals": None,
    "pca": None,
    "per_class": {},
    "readable_of_16": None,
    "originals_of_16": None,
    "by_epoch": [],
    "judge": None,
}
"""The values where there are no labels to read."""


def judge_legibility(
    reconstructions: Reconstruct | Array,
    split: Split,
    *,
    pca: Reconstruct | None = None,
    snapshots: Array | None = None,
    epochs: Sequence[int] | Array = (),
) -> Findings:
    """Say in how many reconstructions a classifier still reads the original's own label.

    It stands for the people who count readable digits by eye. It is trained on the training images,
    is the same for all runs of a split, and errs itself: what it reads in the originals is the most
    that can be hoped for.

    Parameters
    ----------
    reconstructions : Reconstruct or ndarray
        A function that reconstructs stored images, or the reconstructions (n_test, *shape) of the
        test images in their order, on the scale 0 to 1, whoever made them.
    split : Split
        With labels.
    pca : Reconstruct, optional
        What to compare with: `latentscape.evaluation.baselines.pca` with as many numbers. The
        caller fits it, since all runs of a split can share it.
    snapshots : ndarray, optional
        (E, 16, *shape) reconstructions of ``split.examples(16)`` after some of the epochs.
    epochs : sequence or ndarray of int
        (E,) those epochs.

    Returns
    -------
    Findings
        ``values``: ``protocol``, ``left_out``, ``n``; ``readable``, ``originals`` and ``pca``,
        shares of the test images; ``per_class``; ``readable_of_16`` and ``originals_of_16``, counts
        among the examples, which are fewer where there are fewer test images; ``by_epoch``;
        ``judge``: ``accuracy`` on the test images, which is the share ``originals`` again,
        ``n_train`` and ``n_test``. ``arrays``: ``legible`` (16,) and ``legible_snapshots`` (E, 16),
        whether an example is read as its own label, and ``legible_read`` (16,), the label read.
        Without two labels to tell apart ``left_out`` says so, and nothing else is found.

    Raises
    ------
    DataError
        If reconstructions are not finite, or those given do not fit the test images.
    """
    try:
        judge = trained_classifier(split)
    except DataError as error:
        sentence = f"Legibility was left out: {error}".removesuffix(".")
        return Findings({**NOTHING, "n": len(split.test), "left_out": [sentence]})
    read, truth = _read(judge, reconstructions, split), _labels(split, split.test)
    by_epoch, legible_snapshots = _by_epoch(judge, split, snapshots, epochs)
    shown = np.searchsorted(split.test, split.examples(SHOWN))
    right = read == truth
    values = {
        "protocol": _protocol(judge, split),
        "left_out": _unseen(split),
        "n": len(split.test),
        "readable": float(right.mean()),
        "originals": judge.accuracy.item(),
        "pca": None if pca is None else float((_read(judge, pca, split) == truth).mean()),
        "per_class": _per_class(right, truth, split.dataset.label_names),
        "readable_of_16": int(right[shown].sum()),
        "originals_of_16": int(_originals_read(judge, split).sum()),
        "by_epoch": by_epoch,
        "judge": {
            "accuracy": judge.accuracy.item(),
            "n_train": len(split.train),
            "n_test": len(split.test),
        },
    }
    arrays = {"legible": right[shown], "legible_read": read[shown]} | legible_snapshots
    return Findings(values, arrays)


def _read(
    judge: Classifier, reconstructions: Reconstruct | Array, split: Split
) -> NDArray[np.int64]:
    """Read the label (n_test,) in the reconstruction of every test image."""
    made = (
        _made(reconstructions, split)
        if callable(reconstructions)
        else _given(reconstructions, split)
    )
    return np.concatenate([judge.predict(adapted(_finite(images), split)) for images in made])


def adapted(images: Array, split: Split) -> Array:
    """Give images the light that is usual among training images, as eyes adapt before they read.

    The darkest twentieth and the brightest value of each image are moved to where they usually are,
    so that a grey veil over a clear digit, which a person hardly notices, does not make it
    unreadable. Flat images, and plain vectors, stay as they are.

    Parameters
    ----------
    images : ndarray of float32
        (n, *shape).
    split : Split
        Whose training images say what is usual; a thousand of them are looked at.

    Returns
    -------
    ndarray of float32
        (n, *shape), within the values of those training images.
    """
    if images.ndim != 4:
        return images
    known = _originals(split, subsample(split.train, 1000))
    dark, bright = np.median(_light(known), axis=1, keepdims=True)
    low, high = _light(images)
    contrast = np.where(high - low > FLAT, (bright - dark) / np.maximum(high - low, FLAT), 1.0)
    moved = np.where(high - low > FLAT, dark - contrast * low, 0.0)
    seen: Array = np.clip(contrast * images + moved, known.min(), known.max())
    return seen.astype(np.float32)


def _light(images: Array) -> Array:
    """Return the values (2, n, 1, 1, 1) of the darkest twentieth and of the brightest place."""
    levels: Array = np.quantile(images.reshape(len(images), -1), (VEIL, 1.0), axis=1)
    return levels[..., None, None, None]


def _originals(split: Split, index: NDArray[np.int64]) -> Array:
    return scaled(stored(split.dataset, index)[0], split.dataset.value_range).numpy()


def _made(reconstruct: Reconstruct, split: Split) -> Iterator[Array]:
    for batch in stored_batches(split.dataset, split.test):
        yield reconstruct(*batch).numpy()


def _given(images: Array, split: Split) -> Iterator[Array]:
    _check_shape(images, (len(split.test), *split.dataset.shape), "reconstructions")
    originals, _ = stored(split.dataset, split.test)
    bounds = scaled(originals, split.dataset.value_range).aminmax()
    low, high = min(0.0, bounds.min.item()) - SLACK, max(1.0, bounds.max.item()) + SLACK
    if images.size and not (low <= np.nanmin(images) and np.nanmax(images) <= high):
        raise DataError(
            f"The reconstructions have values from {np.nanmin(images):.4g} to "
            f"{np.nanmax(images):.4g}",
            expected="the scale on which the originals lie between 0 and 1",
            fix="Divide 8-bit values by 255; cut what goes beyond with numpy.clip(images, 0, 1).",
        )
    for start in range(0, len(images), BATCH):
        yield images[start : start + BATCH].astype(np.float32, copy=False)


def _by_epoch(
    judge: Classifier, split: Split, snapshots: Array | None, epochs: Sequence[int] | Array
) -> tuple[list[dict[str, int]], dict[str, Array]]:
    """Count the readable examples after each of the epochs, and say which they are."""
    if snapshots is None or not len(snapshots):
        return [], {}
    examples = split.examples(SHOWN)
    shape = (len(epochs), len(examples), *split.dataset.shape)
    _check_shape(snapshots, shape, "snapshots")
    images = _finite(snapshots.reshape(-1, *split.dataset.shape))
    read = judge.predict(adapted(images, split))
    right = read.reshape(shape[:2]) == _labels(split, examples)
    rows = [
        {"epoch": int(epoch), "readable_of_16": int(count)}
        for epoch, count in zip(epochs, right.sum(1), strict=True)
    ]
    return rows, {"legible_snapshots": right}


def _originals_read(judge: Classifier, split: Split) -> NDArray[np.bool_]:
    examples = split.examples(SHOWN)
    images, _ = stored(split.dataset, examples)
    read = judge.predict(scaled(images, split.dataset.value_range).numpy())
    return np.equal(read, _labels(split, examples))


def _per_class(
    right: NDArray[np.bool_], truth: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, float]:
    return {names[label]: float(right[truth == label].mean()) for label in np.unique(truth)}


def _protocol(judge: Classifier, split: Split) -> str:
    return (
        f"A reconstruction is readable where a classifier trained on the {len(split.train):,} "
        "training images and their labels reads the original's own label in it, once its darkest "
        "twentieth and its brightest value are where they usually are, as eyes adapt. The "
        f"classifier reads {number(100 * judge.accuracy.item(), 3)} % of the "
        f"{len(split.test):,} test images themselves rightly."
    )


def _unseen(split: Split) -> list[str]:
    """Name the labels that can never be read, because there is none of them to learn from."""
    missing = np.setdiff1d(_labels(split, split.test), _labels(split, split.train))
    if not len(missing):
        return []
    names = joined([split.dataset.label_names[label] for label in missing])
    return [f"No training image is labelled {names}: such test images count as unreadable"]


def _labels(split: Split, index: NDArray[np.int64]) -> NDArray[np.int64]:
    assert split.dataset.labels is not None
    return split.dataset.labels[index]


def _finite(images: Array) -> Array:
    if bad := int((~np.isfinite(images)).reshape(len(images), -1).any(1).sum()):
        raise DataError(
            f"{bad:,} of {len(images):,} reconstructions are not finite (NaN or infinity)",
            fix="Look for a model that diverged, and train it again.",
        )
    return images


def _check_shape(images: Array, shape: tuple[int, ...], what: str) -> None:
    if images.shape != shape:
        raise DataError(
            f"The {what} are an array of shape {images.shape}",
            expected=f"{shape}, the test images of the split in their order",
        )
