"""How good a model's samples are, as a classifier of the data's own labels sees them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.errors import DataError
from latentscape.core.records import Array, Split
from latentscape.evaluation.judge import Classifier, trained_classifier
from latentscape.inference.batches import stored_batches
from latentscape.model import scaled

NEIGHBOURS = 3
MAX_POINTS = 5000
CHUNK = 500
"""Points whose distances to all others are held at once: 10 MB."""


def sample_quality(
    samples: Array, asked: Array | None, split: Split, source: str
) -> dict[str, Any]:
    """Judge samples against the test images.

    Everything is measured in the features or the labels of a classifier that was trained on the
    training part of the split. So numbers compare models of the same data and split, from equally
    many samples, and nothing else.

    Parameters
    ----------
    samples : ndarray of float32
        (n, *shape) on the scale 0 to 1.
    asked : ndarray of int64 or None
        (n,) label that each sample was asked to show; None where none was asked for.
    split : Split
        With labels.
    source : str
        What the samples were drawn from; goes into the result as it is.

    Returns
    -------
    dict
        ``n``, ``source``, ``classifier`` (its accuracy on the test images);
        ``frechet_distance``, ``precision`` and ``recall`` against the test images, and
        ``neighbours``; ``label_shares`` that the classifier sees in the samples, ``data_shares`` of
        the test images, and ``label_distance``, the total variation distance between the two;
        ``recognised``, the share of samples seen as the label asked for, or None; ``reference``:
        Fréchet distance, precision and recall of as many training images, or all there are.

    Raises
    ------
    DataError
        If the data have no labels, or there are too few images to have neighbours.
    """
    _check_sizes(len(samples), split)
    classifier = trained_classifier(split)
    real = _features_of(classifier, split, split.test)
    train = split.train[_some(len(split.train), len(samples))]
    seen = classifier.predict(samples)
    return {
        "n": len(samples),
        "source": source,
        "classifier": {
            "accuracy": float(classifier.accuracy),
            "n_train": len(split.train),
            "n_test": len(split.test),
        },
        **_compare(classifier.features(samples), real),
        "neighbours": NEIGHBOURS,
        **_label_balance(seen, split),
        "recognised": None if asked is None else float((seen == asked).mean()),
        "reference": _compare(_features_of(classifier, split, train), real),
    }


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
    one, other = (np.cov(features, rowvar=False, dtype=np.float64) for features in (first, second))
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    # C1 C2 has the eigenvalues of this symmetric matrix, which are real.
    product = np.linalg.eigvalsh(root @ other @ root).clip(0)
    distance = np.square(means[0] - means[1]).sum() + np.trace(one) + np.trace(other)
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
    drawn, true = (
        torch.from_numpy(features[_some(len(features), count)]) for features in (samples, real)
    )
    return _share_near(drawn, true), _share_near(true, drawn)


def _compare(features: Array, real: Array) -> dict[str, float]:
    precision, recall = precision_recall(features, real)
    return {
        "frechet_distance": frechet_distance(features, real),
        "precision": precision,
        "recall": recall,
    }


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


def _distances(points: Tensor, others: Tensor) -> Tensor:
    # By a matrix product it would be faster, but equal points would not be at distance 0.
    return torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist")


def _label_balance(seen: NDArray[np.int64], split: Split) -> dict[str, Any]:
    """Compare the labels seen in samples with those of the test images."""
    labels, names = split.dataset.labels, split.dataset.label_names
    assert labels is not None
    shares = np.bincount(seen, minlength=len(names)) / len(seen)
    expected = np.bincount(labels[split.test], minlength=len(names)) / len(split.test)
    return {
        "label_shares": _named(names, shares),
        "data_shares": _named(names, expected),
        "label_distance": float(np.abs(shares - expected).sum() / 2),
    }


def _named(names: tuple[str, ...], shares: Array) -> Mapping[str, float]:
    return dict(zip(names, shares.tolist(), strict=True))


def _features_of(classifier: Classifier, split: Split, index: NDArray[np.int64]) -> Array:
    parts = [
        classifier.features(scaled(images, split.dataset.value_range).numpy())
        for images, _ in stored_batches(split.dataset, index)
    ]
    return np.concatenate(parts)


def _some(available: int, most: int) -> NDArray[np.int64]:
    """Draw places without replacement: the same ones for the same numbers."""
    drawn = np.random.default_rng(0).permutation(available)[:most]
    return np.sort(drawn)


def _check_sizes(samples: int, split: Split) -> None:
    fewest = min(samples, len(split.train), len(split.test))
    if fewest <= NEIGHBOURS:
        raise DataError(
            f"There are {samples} samples, {len(split.train)} training and {len(split.test)} test "
            "examples",
            expected=f"more than {NEIGHBOURS} of each, so that all have neighbours",
            fix="Draw more samples, or take more examples.",
        )
