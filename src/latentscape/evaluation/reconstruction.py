"""The one evaluator: how well images are reconstructed, in units that depend on no model.

Squared error and binary cross-entropy are taken between the image and the *mean* reconstruction,
whatever the model was trained on, so that any two models can stand in one table.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.randomness import derive_seed
from latentscape.core.records import Array, Findings, Split
from latentscape.core.units import EXACT
from latentscape.evaluation.baselines import mean_image, pca
from latentscape.inference.batches import stored, stored_batches, subsample
from latentscape.inference.codec import Reconstruct, encode, reconstruct_with
from latentscape.model import Network, scaled

# Where float32 can still tell a probability from 0 and from 1; it bounds a pixel's cross-entropy.
CLIP = 1e-7

MAX_CODES = 2000
NO_BETTER = 0.98
"""Share of the mean image's error from which on a model does no better than that image."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of single examples.

    Attributes
    ----------
    squared_error : ndarray of float64
        (N,) summed over pixels.
    cross_entropy : ndarray of float64 or None
        (N,) nats, summed over pixels; None where images leave [0, 1].
    entropy : ndarray of float64 or None
        (N,) the least that any reconstruction's cross-entropy can be.
    pixels : int
        Values in one example.
    """

    squared_error: NDArray[np.float64]
    cross_entropy: NDArray[np.float64] | None
    entropy: NDArray[np.float64] | None
    pixels: int

    def metrics(self, chosen: NDArray[Any] | slice = slice(None)) -> dict[str, float | None]:
        """Average over the chosen examples.

        Returns
        -------
        dict
            ``mse`` and ``bce`` (nats) per pixel, ``bce_excess`` above the data's own entropy,
            ``squared_error`` and ``nats`` per example, ``psnr`` in dB.
        """
        squared_error = float(self.squared_error[chosen].mean())
        mse = squared_error / self.pixels
        values: dict[str, float | None] = {
            "mse": mse,
            "squared_error": squared_error,
            "bce": None,
            "bce_excess": None,
            "nats": None,
            "psnr": -10 * math.log10(mse) if mse > 0 else None,
        }
        if self.cross_entropy is not None and self.entropy is not None:
            nats = float(self.cross_entropy[chosen].mean())
            values["nats"], values["bce"] = nats, nats / self.pixels
            # What rounding makes negative is none.
            values["bce_excess"] = max(0.0, nats - float(self.entropy[chosen].mean())) / self.pixels
        return values


def measure(reconstruct: Reconstruct, split: Split) -> Errors:
    """Reconstruct every test example and measure its errors."""
    parts = [
        _errors(scaled(images, split.dataset.value_range), reconstruct(images, labels))
        for images, labels in stored_batches(split.dataset, split.test)
    ]
    squared_error, cross_entropy, entropy = (
        torch.cat(column).numpy() for column in zip(*parts, strict=True)
    )
    in_range = not np.isnan(cross_entropy).any()
    return Errors(
        squared_error,
        cross_entropy if in_range else None,
        entropy if in_range else None,
        math.prod(split.dataset.shape),
    )


def evaluate_model(model: Network, split: Split) -> Findings:
    """Evaluate a model on the test examples, beside the baselines.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        The examples. Training examples are used to fit the baselines alone.

    Returns
    -------
    Findings
        ``values``: part, n, metrics, per_class, pca, mean_image, entropy_floor, beats_pca,
        verdict. ``arrays``: test images and their reconstructions to look at, and codes.
    """
    reconstruct = reconstruct_with(model)
    linear, components = pca(split, model.latent.numbers)
    errors, pca_errors = measure(reconstruct, split), measure(linear, split)
    metrics, pca_metrics = errors.metrics(), pca_errors.metrics()
    mean_metrics = measure(mean_image(split), split).metrics()
    values = {
        "part": "test",
        "n": len(split.test),
        "metrics": metrics,
        "per_class": _per_class(errors, split),
        "pca": {
            "dim": components,
            "metrics": pca_metrics,
            "per_class": _per_class(pca_errors, split),
        },
        "mean_image": {"metrics": mean_metrics},
        "entropy_floor": None
        if errors.entropy is None
        else float(errors.entropy.mean()) / errors.pixels,
        **judge(metrics, pca_metrics, mean_metrics, components),
    }
    return Findings(values, _pictures(reconstruct, linear, errors, split) | _codes(model, split))


def judge(
    metrics: dict[str, float | None],
    pca_metrics: dict[str, float | None],
    mean_metrics: dict[str, float | None],
    components: int,
) -> dict[str, bool | str]:
    """Say in a sentence whether a model beats PCA with as many numbers, by squared error.

    Returns
    -------
    dict
        ``beats_pca`` and ``verdict``.
    """
    mse, linear, mean = (values["mse"] or 0.0 for values in (metrics, pca_metrics, mean_metrics))
    beats = mse < linear
    numbers = f"MSE {mse:.4g} against {linear:.4g}"
    if linear < EXACT:
        verdict = (
            f"The code is no smaller than what the images need: PCA with {components} components "
            f"makes no error at all, and this model an MSE of {mse:.4g}."
        )
    elif NO_BETTER * mean < mse < mean:
        verdict = f"Hardly better than the mean image alone: MSE {mse:.4g} against {mean:.4g}."
    elif mse >= mean:
        verdict = f"Does no better than the mean image alone: MSE {mse:.4g} against {mean:.4g}."
    elif beats:
        verdict = f"Beats PCA with {components} components: {numbers}, {1 - mse / linear:.0%} less."
    else:
        verdict = f"Does not beat PCA with {components} components: {numbers}."
    return {"beats_pca": beats, "verdict": verdict}


def _errors(images: Tensor, means: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return squared error, cross-entropy and entropy (B,); the last two NaN outside [0, 1]."""
    squared_error = (images - means).square().flatten(1).sum(1, dtype=torch.float64)
    if images.min() < 0 or images.max() > 1:
        nothing = torch.full_like(squared_error, math.nan)
        return squared_error, nothing, nothing
    return squared_error, _cross_entropy(images, means), _cross_entropy(images, images)


def _cross_entropy(images: Tensor, means: Tensor) -> Tensor:
    means = means.clamp(CLIP, 1 - CLIP)
    log_prob = images * means.log() + (1 - images) * torch.log1p(-means)
    return -log_prob.flatten(1).sum(1, dtype=torch.float64)


def _per_class(errors: Errors, split: Split) -> dict[str, dict[str, float | int | None]]:
    if split.dataset.labels is None:
        return {}
    labels = split.dataset.labels[split.test]
    return {
        name: {"n": int((labels == label).sum()), **errors.metrics(labels == label)}
        for label, name in enumerate(split.dataset.label_names)
        if (labels == label).any()
    }


def _pictures(
    reconstruct: Reconstruct, linear: Reconstruct, errors: Errors, split: Split
) -> dict[str, Array]:
    """Collect images to look at: fixed examples, random picks, best, median and worst."""
    fixed = split.examples()
    rng = np.random.default_rng(derive_seed(split.seed, "random picks"))
    by_error = np.argsort(errors.squared_error, kind="stable")
    middle = max(0, len(by_error) // 2 - 4)
    groups = {
        "": fixed,
        "random_": rng.choice(split.test, min(10, len(split.test)), replace=False),
        "best_": split.test[by_error[:8]],
        "median_": split.test[by_error[middle : middle + 8]],
        "worst_": split.test[by_error[::-1][:8]],
    }
    arrays: dict[str, Array] = {}
    for prefix, index in groups.items():
        images, labels = stored(split.dataset, index)
        arrays[f"{prefix}originals"] = scaled(images, split.dataset.value_range).numpy()
        arrays[f"{prefix}reconstructions"] = reconstruct(images, labels).numpy()
    mse = errors.squared_error / errors.pixels
    for prefix in ("best_", "median_", "worst_"):
        arrays[f"{prefix}mse"] = mse[np.searchsorted(split.test, groups[prefix])].astype(np.float32)
    arrays["pca_reconstructions"] = linear(*stored(split.dataset, fixed)).numpy()
    return arrays


def _codes(model: Network, split: Split) -> dict[str, Array]:
    """Encode the fixed examples, and test examples spread evenly over the test part."""
    index, fixed = subsample(split.test, MAX_CODES), split.examples()
    return {
        "codes": encode(model, split.dataset, index),
        "code_labels": _labels(split, index),
        "example_codes": encode(model, split.dataset, fixed),
        "example_labels": _labels(split, fixed),
    }


def _labels(split: Split, index: NDArray[np.int64]) -> NDArray[np.int64]:
    labels = split.dataset.labels
    return np.full(len(index), -1) if labels is None else labels[index]
