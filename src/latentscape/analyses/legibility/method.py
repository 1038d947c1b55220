"""Legibility: whether a reconstruction still shows what the original shows."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.codes import guess_labels
from latentscape.analyses.comparison import Baselines, Comparison, as_array
from latentscape.analyses.legibility.result import (
    Legibility,
    LinearReading,
    Reading,
    SnapshotReading,
)
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.findings import Skip
from latentscape.core.progress import stage
from latentscape.core.records import Array, Split
from latentscape.core.units import joined
from latentscape.evaluation.codes import rows_at
from latentscape.evaluation.judge import Classifier, trained_classifier
from latentscape.inference.batches import BATCH, stored, stored_batches
from latentscape.inference.codec import Reconstruct, reconstruct_with
from latentscape.model import scaled

N_EXAMPLES = 16
"""Test images that are looked at one by one, the same ones in every run of a split."""

DARK_SHARE = 0.05
"""Share of an image that is as dark as its background, at least."""

FLAT = 1e-3
"""Contrast below which there is nothing to read, and nothing to be raised."""

SLACK = 1e-3
"""How far a reconstruction may leave the scale 0 to 1, by rounding."""

ELSEWHERE = "reconstructions"
"""What reconstructions are called that no run's model has made."""


def read_model(comparison: Comparison) -> Legibility:
    """Read what the model of a run makes of the test images, at the end and on the way.

    Raises
    ------
    ConfigError
        If there are codes alone.
    """
    if comparison.opened is None:
        raise ConfigError("Codes alone have no reconstructions", expected="a run, or both")
    model, split = comparison.model, comparison.split
    components = min(model.latent.numbers, len(split.train), math.prod(split.dataset.shape))
    snapshots = comparison.opened.findings.snapshots
    ours, theirs = (one.examples(N_EXAMPLES) for one in (split, comparison.baselines.whole))
    if not np.array_equal(ours, theirs):
        snapshots = None  # They are of examples that nobody looks at: an earlier version took them.
    return judge_legibility(
        reconstruct_with(model),
        split,
        name=comparison.opened.findings.label,
        pca=comparison.baselines.linear(model.latent.numbers),
        components=components,
        snapshots=None if snapshots is None else snapshots.reconstructions,
        epochs=() if snapshots is None else snapshots.epochs,
    )


def read_elsewhere(source: str | Path | Array, baselines: Baselines) -> Legibility:
    """Read reconstructions (n_test, *shape) in a file or an array; flat and grey ones too."""
    images, whole, split = as_array(source), baselines.whole, baselines.split
    shape = split.dataset.shape
    is_grey = len(shape) == 3 and shape[0] == 1 and images.shape[1:] == shape[1:]
    is_flat = images.ndim == 2 and images.shape[1] == math.prod(shape)
    images = images.reshape(-1, *shape) if is_grey or is_flat else images
    _check_shape(images, (len(whole.test), *shape), "reconstructions")
    if split is not whole:
        images = rows_at(images, np.searchsorted(whole.test, split.test))
    return judge_legibility(images, split)


@stage("reading reconstructions")
def judge_legibility(
    reconstructions: Reconstruct | Array,
    split: Split,
    *,
    name: str = ELSEWHERE,
    pca: Reconstruct | None = None,
    components: int = 1,
    snapshots: Array | None = None,
    epochs: Sequence[int] = (),
) -> Legibility:
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
        The examples.
    name : str
        Whose reconstructions they are.
    pca : Reconstruct, optional
        What to compare with: `latentscape.evaluation.baselines.pca` with as many numbers. The
        caller fits it, since all runs of a split can share it.
    components : int
        Of `pca`.
    snapshots : ndarray, optional
        (E, 16, *shape) reconstructions of ``split.examples(16)`` after some of the epochs.
    epochs : sequence of int
        (E,) those epochs.

    Returns
    -------
    Legibility
        Without two labels to tell apart ``skipped`` says so, and there is no reading.

    Raises
    ------
    DataError
        If reconstructions are not finite, or do not fit the test images.
    """
    reason = _unjudgeable(split)
    if reason:
        skip = Skip(item="Legibility was", reason=reason)
        return Legibility(name=name, protocol=_protocol(split), skipped=(skip,), reading=None)
    judge = trained_classifier(split)
    labels, truth = _read(judge, reconstructions, split), _labels(split, split.test)
    is_right = labels == truth
    examples = np.searchsorted(split.test, split.examples(N_EXAMPLES))
    readable_by_pca = None if pca is None else float((_read(judge, pca, split) == truth).mean())
    return Legibility(
        name=name,
        protocol=_protocol(split),
        guessing=guess_labels(_labels(split, split.train), truth),
        skipped=_untrained(split),
        reading=Reading(
            readable=float(is_right.mean()),
            originals=judge.accuracy.item(),
            pca=None
            if readable_by_pca is None
            else LinearReading(dim=components, readable=readable_by_pca),
            per_class=_per_class(is_right, truth, split.dataset.label_names),
            readable_of_16=int(is_right[examples].sum()),
            originals_of_16=int(_are_originals_read(judge, split).sum()),
            labels=labels[examples],
            legible=is_right[examples],
            snapshots=tuple(_read_snapshots(judge, split, snapshots, epochs)),
        ),
    )


def _unjudgeable(split: Split) -> str:
    """Return why no classifier can be trained; nothing where one can."""
    if split.dataset.labels is None:
        return "no_labels"
    return "one_trained_label" if len(np.unique(_labels(split, split.train))) < 2 else ""


def _read(
    judge: Classifier, reconstructions: Reconstruct | Array, split: Split
) -> NDArray[np.int64]:
    """Read the label (n_test,) in the reconstruction of every test image."""
    batches = (
        _batches(reconstructions, split)
        if callable(reconstructions)
        else _checked_batches(reconstructions, split)
    )
    return np.concatenate([judge.predict(adapted(_finite(images), split)) for images in batches])


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
    usual = _originals(split, split.subset("train", 1000))
    dark, bright = np.median(_light(usual), axis=1, keepdims=True)
    low, high = _light(images)
    contrast = np.where(high - low > FLAT, (bright - dark) / np.maximum(high - low, FLAT), 1.0)
    moved = np.where(high - low > FLAT, dark - contrast * low, 0.0)
    lit: Array = np.clip(contrast * images + moved, usual.min(), usual.max())
    return lit.astype(np.float32)


def _light(images: Array) -> Array:
    """Return the values (2, n, 1, 1, 1) of the darkest twentieth and of the brightest place."""
    levels: Array = np.quantile(images.reshape(len(images), -1), (DARK_SHARE, 1.0), axis=1)
    return levels[..., None, None, None]


def _originals(split: Split, index: NDArray[np.int64]) -> Array:
    return scaled(stored(split.dataset, index)[0], split.dataset.value_range).numpy()


def _batches(reconstruct: Reconstruct, split: Split) -> Iterator[Array]:
    for batch in stored_batches(split.dataset, split.test):
        yield reconstruct(*batch).numpy()


def _checked_batches(images: Array, split: Split) -> Iterator[Array]:
    _check_shape(images, (len(split.test), *split.dataset.shape), "reconstructions")
    low, high = _bounds(split)
    if images.size and not (low <= np.nanmin(images) and np.nanmax(images) <= high):
        raise DataError(
            f"The reconstructions have values from {np.nanmin(images):.4g} to "
            f"{np.nanmax(images):.4g}",
            expected="the scale on which the originals lie between 0 and 1",
            fix="Divide 8-bit values by 255; cut what goes beyond with numpy.clip(images, 0, 1).",
        )
    for start in range(0, len(images), BATCH):
        yield images[start : start + BATCH].astype(np.float32, copy=False)


def _bounds(split: Split) -> tuple[float, float]:
    """Return the values between which reconstructions of the test images lie."""
    low, high = 0.0, 1.0
    for images, _ in stored_batches(split.dataset, split.test):
        limits = scaled(images, split.dataset.value_range).aminmax()
        low, high = min(low, limits.min.item()), max(high, limits.max.item())
    return low - SLACK, high + SLACK


def _read_snapshots(
    judge: Classifier, split: Split, snapshots: Array | None, epochs: Sequence[int]
) -> Iterator[SnapshotReading]:
    """Read the examples as they were reconstructed after each of the epochs."""
    if snapshots is None or not len(snapshots):
        return
    examples = split.examples(N_EXAMPLES)
    shape = (len(epochs), len(examples), *split.dataset.shape)
    _check_shape(snapshots, shape, "snapshots")
    images = _finite(snapshots.reshape(-1, *split.dataset.shape))
    labels = judge.predict(adapted(images, split)).reshape(shape[:2])
    for epoch, legible in zip(epochs, labels == _labels(split, examples), strict=True):
        count = int(legible.sum())
        yield SnapshotReading(epoch=epoch, readable_of_16=count, legible=legible)


def _are_originals_read(judge: Classifier, split: Split) -> NDArray[np.bool_]:
    examples = split.examples(N_EXAMPLES)
    images, _ = stored(split.dataset, examples)
    labels = judge.predict(scaled(images, split.dataset.value_range).numpy())
    return np.equal(labels, _labels(split, examples))


def _per_class(
    is_right: NDArray[np.bool_], truth: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, float]:
    return {names[label]: float(is_right[truth == label].mean()) for label in np.unique(truth)}


def _protocol(split: Split) -> Protocol:
    return Protocol(
        fitted_on="train",
        n_fitted=len(split.train),
        scored_on="test",
        n_scored=len(split.test),
        labels="training",
    )


def _untrained(split: Split) -> tuple[Skip, ...]:
    """Name the labels that can never be read, because there is none of them to learn from."""
    missing = np.setdiff1d(_labels(split, split.test), _labels(split, split.train))
    if not len(missing):
        return ()
    names = joined([split.dataset.label_names[label] for label in missing])
    return (Skip(item="", reason="untrained_labels", detail={"labels": names}),)


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


def _check_shape(images: Array, shape: tuple[int, ...], name: str) -> None:
    if images.shape != shape:
        raise DataError(
            f"The {name} are an array of shape {images.shape}",
            expected=f"{shape}, the test images of the split in their order",
        )
