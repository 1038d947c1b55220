"""How good a model's samples are, as a classifier of the data's own labels sees them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.codes import guess_labels
from latentscape.analyses.comparison import Comparison
from latentscape.analyses.quality.result import Closeness, Quality, QualitySettings
from latentscape.core.errors import DataError
from latentscape.core.progress import stage
from latentscape.core.records import Array, Split
from latentscape.core.subsets import draw_subset
from latentscape.evaluation.judge import Classifier, trained_classifier
from latentscape.inference.batches import stored_batches
from latentscape.inference.samples import draw_samples
from latentscape.model import scaled

NEIGHBOURS = 3
MAX_POINTS = 5000
CHUNK = 500
"""Points whose distances to all others are held at once: 10 MB."""


def measure_quality(comparison: Comparison, settings: QualitySettings) -> Quality:
    """Let a classifier of a run's own data judge samples of its model.

    Parameters
    ----------
    comparison : Comparison
        With a run on data with labels.
    settings : QualitySettings
        Which samples.

    Raises
    ------
    ConfigError
        If the model does not have that source of codes.
    DataError
        If the data have no labels, or are too few for a mixture.
    """
    model, opened, split = comparison.model, comparison.opened, comparison.split
    assert opened is not None  # It has a model.
    samples = draw_samples(model, split, settings.count, settings.seed, settings.source)
    names = split.dataset.label_names
    labels = None if samples.labels is None else np.array([*map(names.index, samples.labels)])
    # Samples are mean images: they are judged beside grey ones, also where training drew pixels.
    grey = opened.split_with("none").limited()
    return sample_quality(samples.images, labels, grey, samples.source, settings)


@stage("quality")
def sample_quality(
    samples: Array,
    labels: Array | None,
    split: Split,
    source: str,
    settings: QualitySettings = QualitySettings(),  # noqa: B008
) -> Quality:
    """Judge samples against the test images.

    Everything is measured in the features or the labels of a classifier that was trained on the
    training part of the split. So numbers compare models of the same data and split, from equally
    many samples, and nothing else.

    Parameters
    ----------
    samples : ndarray of float32
        (n, *shape) on the scale 0 to 1.
    labels : ndarray of int64 or None
        (n,) label that each sample was asked to show; None where none was asked for.
    split : Split
        With labels.
    source : str
        What the samples were drawn from.
    settings : QualitySettings
        How they were drawn.

    Raises
    ------
    DataError
        If the data have no labels, or there are too few images to have neighbours.
    """
    _check_sizes(len(samples), split)
    classifier = trained_classifier(split)
    real = _features_of(classifier, split, split.test)
    # The distance shrinks with the number of images, so samples and their reference are as many.
    compared = min(len(samples), len(split.train))
    compared_samples = samples[draw_subset(np.arange(len(samples)), None, compared)]
    train = split.subset("train", compared)
    predicted = classifier.predict(samples)
    shares, data_shares = _label_shares(predicted, split)
    known, true = _labels(split, split.train), _labels(split, split.test)
    names = split.dataset.label_names
    return Quality(
        settings=settings,
        protocol=Protocol(
            fitted_on="train",
            n_fitted=len(split.train),
            scored_on="test",
            n_scored=len(split.test),
            labels="training",
        ),
        n=len(samples),
        n_compared=compared,
        source=source,
        judge_accuracy=classifier.accuracy.item(),
        guessing=guess_labels(known, true),
        neighbours=NEIGHBOURS,
        closeness=_closeness(classifier.features(compared_samples), real),
        reference=_closeness(_features_of(classifier, split, train), real),
        label_shares=dict(zip(names, shares.tolist(), strict=True)),
        data_shares=dict(zip(names, data_shares.tolist(), strict=True)),
        label_distance=float(np.abs(shares - data_shares).sum() / 2),
        recognised=None if labels is None else float((predicted == labels).mean()),
        recognised_guessing=guess_labels(known, labels),
    )


def frechet_distance(first: Array, second: Array) -> float:
    """Return the squared Fréchet distance between normal distributions fitted to two sets.

    The form is that of Heusel et al. 2017: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). Theirs
    looks through a classifier of ImageNet; through another classifier, hence for other data, the
    numbers cannot be compared. The distance is biased upwards, the more the fewer examples there
    are: compare only distances from equally many.

    Parameters
    ----------
    first, second : ndarray
        (n, D) and (m, D) features, two of each at least.

    Returns
    -------
    float
        Never negative, in the features' unit squared.
    """
    means = [features.mean(0, dtype=np.float64) for features in (first, second)]
    cov, other_cov = (
        np.cov(features, rowvar=False, dtype=np.float64) for features in (first, second)
    )
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    # C1 C2 has the eigenvalues of this symmetric matrix, which are real.
    product = np.linalg.eigvalsh(root @ other_cov @ root).clip(0)
    distance = np.square(means[0] - means[1]).sum() + np.trace(cov) + np.trace(other_cov)
    return max(0.0, float(distance - 2 * np.sqrt(product).sum()))


def precision_recall(samples: Array, real: Array) -> tuple[float, float]:
    """Return the shares of samples near real images, and of real images near samples.

    Near is what lies no farther from a point of the other set than that point's third nearest
    neighbour in its own set (Kynkäänniemi et al. 2019). Equal numbers of both are drawn, at most
    5,000.

    Parameters
    ----------
    samples, real : ndarray of float32
        (n, D) and (m, D) features, four of each at least.

    Returns
    -------
    precision, recall : float
        How much of what was drawn looks real; how much of what is real can be drawn.
    """
    count = min(len(samples), len(real), MAX_POINTS)
    sample_points, real_points = (
        torch.from_numpy(features[draw_subset(np.arange(len(features)), None, count)])
        for features in (samples, real)
    )
    return _share_near(sample_points, real_points), _share_near(real_points, sample_points)


def _closeness(features: Array, real: Array) -> Closeness:
    precision, recall = precision_recall(features, real)
    return Closeness(
        frechet_distance=frechet_distance(features, real), precision=precision, recall=recall
    )


def _share_near(points: Tensor, centres: Tensor) -> float:
    """Return the share of points that lie within the reach of one of the centres at least."""
    # Every centre is its own nearest neighbour.
    reach = torch.cat(
        [
            _distances(chunk, centres).kthvalue(NEIGHBOURS + 1, dim=1).values
            for chunk in torch.split(centres, CHUNK)
        ]
    )
    near = [(_distances(chunk, centres) <= reach).any(1) for chunk in torch.split(points, CHUNK)]
    return float(torch.cat(near).double().mean())


def _distances(points: Tensor, centres: Tensor) -> Tensor:
    # By a matrix product it would be faster, but equal points would not be at distance 0.
    return torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")


def _label_shares(predicted: NDArray[np.int64], split: Split) -> tuple[Array, Array]:
    """Return how often each label is seen in samples, and how often test images have it."""
    count = len(split.dataset.label_names)
    return (
        np.bincount(predicted, minlength=count) / len(predicted),
        np.bincount(_labels(split, split.test), minlength=count) / len(split.test),
    )


def _labels(split: Split, index: NDArray[np.int64]) -> NDArray[np.int64]:
    assert split.dataset.labels is not None
    return split.dataset.labels[index]


def _features_of(classifier: Classifier, split: Split, index: NDArray[np.int64]) -> Array:
    parts = [
        classifier.features(scaled(images, split.dataset.value_range).numpy())
        for images, _ in stored_batches(split.dataset, index)
    ]
    return np.concatenate(parts)


def _check_sizes(samples: int, split: Split) -> None:
    if min(samples, len(split.train), len(split.test)) <= NEIGHBOURS:
        raise DataError(
            f"There are {samples} samples, {len(split.train)} training and {len(split.test)} test "
            "examples",
            expected=f"more than {NEIGHBOURS} of each, so that all have neighbours",
            fix="Draw more samples, or take more examples.",
        )
