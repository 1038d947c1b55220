"""The one evaluator: how well images are reconstructed, in units that depend on no model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.core.progress import stage
from latentscape.core.records import Split
from latentscape.evaluation.against_pca import Difference
from latentscape.evaluation.baselines import mean_image, pca
from latentscape.evaluation.quantities import QUANTITIES, Measure
from latentscape.evaluation.quantities.cross_entropy import entropy
from latentscape.evaluation.quantities.squared_error import squared_error
from latentscape.evaluation.results import (
    ClassMetrics,
    CodeSample,
    Evaluation,
    Examples,
    LinearBaseline,
    Metrics,
    Pairs,
)
from latentscape.inference.batches import stored, stored_batches
from latentscape.inference.codec import Reconstruct, encode, reconstruct_with
from latentscape.model import Network, scaled

MAX_CODES = 2000
"""Test examples whose codes are part of the findings."""

N_RANDOM, N_EXTREME = 10, 8


@dataclass(frozen=True, eq=False)
class Errors:
    """What is measured of single examples.

    Attributes
    ----------
    values : dict of Measure to ndarray of float64
        (N,) for each measure; NaN where it has no meaning.
    pixels : int
        Values in one example.
    """

    values: dict[Measure, NDArray[np.float64]]
    pixels: int

    @property
    def squared_error(self) -> NDArray[np.float64]:
        """(N,) squared errors, summed over pixels."""
        return self.values[squared_error]

    @property
    def per_pixel(self) -> NDArray[np.float64]:
        """(N,) squared errors, averaged over pixels."""
        return self.squared_error / self.pixels

    def mean(
        self, measure: Measure, selection: NDArray[np.bool_] | slice = slice(None)
    ) -> float | None:
        """Average over the selected examples; None where any example has no value."""
        mean = float(self.values[measure][selection].mean())
        return None if math.isnan(mean) else mean

    def metrics(self, selection: NDArray[np.bool_] | slice = slice(None)) -> Metrics:
        """Return every quantity of the registry over the selected examples, by key."""
        metrics: Metrics = {}
        for quantity in QUANTITIES:
            means = [self.mean(measure, selection) for measure in quantity.measures]
            complete = None not in means
            value = quantity.of_means(self.pixels, *means) if complete else None
            metrics[quantity.metric.key] = value
        return metrics


def measure_errors(
    reconstruct: Reconstruct, split: Split, measures: Sequence[Measure] = (squared_error,)
) -> Errors:
    """Reconstruct every test example and measure its errors."""
    batches = []
    with stage("reconstructions", len(split.test)) as work:
        for images, labels in stored_batches(split.dataset, split.test):
            targets, means = scaled(images, split.dataset.value_range), reconstruct(images, labels)
            batches.append([measure(targets, means) for measure in measures])
            work.advance(len(images))
    columns = zip(*batches, strict=True)
    values = {m: torch.cat(column).numpy() for m, column in zip(measures, columns, strict=True)}
    return Errors(values, math.prod(split.dataset.shape))


def evaluate_model(model: Network, split: Split) -> Evaluation:
    """Evaluate a model on the test examples, beside the baselines.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        The examples. Training examples are used to fit the baselines alone.

    Returns
    -------
    Evaluation
        Metrics, and test examples with their reconstructions and codes.
    """
    reconstruct = reconstruct_with(model)
    linear, components = pca(split, model.latent.numbers)
    measures = tuple(dict.fromkeys(m for quantity in QUANTITIES for m in quantity.measures))
    errors, pca_errors, mean_errors = (
        measure_errors(function, split, measures)
        for function in (reconstruct, linear, mean_image(split))
    )
    floor = errors.mean(entropy) if entropy in errors.values else None
    return Evaluation(
        n=len(split.test),
        metrics=errors.metrics(),
        per_class=_per_class(errors, split),
        pca=LinearBaseline(
            dim=components, metrics=pca_errors.metrics(), per_class=_per_class(pca_errors, split)
        ),
        difference=Difference.of(errors.per_pixel, pca_errors.per_pixel),
        mean_image=mean_errors.metrics(),
        entropy_floor=None if floor is None else floor / errors.pixels,
        examples=_examples(model, split, reconstruct, linear),
        training=_training(reconstruct, split),
        test_codes=_test_codes(model, split),
        **_pairs(reconstruct, errors, split),
    )


def kept_examples(split: Split) -> NDArray[np.int64]:
    """Return the test examples whose codes the findings of a run keep."""
    if split.subsets == "limited":
        return split.limited().subset("test", MAX_CODES)
    if split.subsets == "drawn":
        return split.subset("test", MAX_CODES)
    spaced = np.linspace(0, len(split.test) - 1, min(MAX_CODES, len(split.test)))
    return split.test[spaced.astype(np.int64)]


def _per_class(errors: Errors, split: Split) -> dict[str, ClassMetrics]:
    if split.dataset.labels is None:
        return {}
    labels = split.dataset.labels[split.test]
    return {
        name: ClassMetrics(n=int((labels == label).sum()), metrics=errors.metrics(labels == label))
        for label, name in enumerate(split.dataset.label_names)
        if (labels == label).any()
    }


def _pairs(reconstruct: Reconstruct, errors: Errors, split: Split) -> dict[str, Pairs]:
    """Collect random test examples, and the best, median and worst ones."""
    by_error = np.argsort(errors.squared_error, kind="stable")
    middle = max(0, len(by_error) // 2 - N_EXTREME // 2)
    places = {
        "random": np.searchsorted(split.test, split.subset("test", N_RANDOM)),
        "best": by_error[:N_EXTREME],
        "median": by_error[middle : middle + N_EXTREME],
        "worst": by_error[::-1][:N_EXTREME],
    }
    mse = errors.per_pixel.astype(np.float32)
    return {
        name: Pairs(
            mse=mse[place],
            labels=_labels(split, split.test[place]),
            numbers=place,
            **_reconstructed(reconstruct, split, split.test[place]),
        )
        for name, place in places.items()
    }


def _reconstructed(
    reconstruct: Reconstruct, split: Split, index: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    images, labels = stored(split.dataset, index)
    return {
        "originals": scaled(images, split.dataset.value_range).numpy(),
        "reconstructions": reconstruct(images, labels).numpy(),
    }


def _training(reconstruct: Reconstruct, split: Split) -> Pairs:
    """Collect training examples, to be held beside test examples."""
    index = split.examples(part="train")
    images = _reconstructed(reconstruct, split, index)
    errors = np.square(images["originals"] - images["reconstructions"], dtype=np.float64)
    mse = errors.reshape(len(errors), -1).mean(1).astype(np.float32)
    numbers = np.searchsorted(split.train, index)
    return Pairs(mse=mse, labels=_labels(split, index), numbers=numbers, **images)


def _examples(
    model: Network, split: Split, reconstruct: Reconstruct, linear: Reconstruct
) -> Examples:
    index = split.examples()
    return Examples(
        pca_reconstructions=linear(*stored(split.dataset, index)).numpy(),
        codes=encode(model, split.dataset, index),
        labels=_labels(split, index),
        numbers=np.searchsorted(split.test, index),
        **_reconstructed(reconstruct, split, index),
    )


def _test_codes(model: Network, split: Split) -> CodeSample:
    index = kept_examples(split)
    codes = encode(model, split.dataset, index)
    return CodeSample(codes=codes, labels=_labels(split, index), points=index)


def _labels(split: Split, index: NDArray[np.int64]) -> NDArray[np.int64]:
    labels = split.dataset.labels
    return np.full(len(index), -1) if labels is None else labels[index]
