"""Small made-up clusters, of the types that analysis gives."""

import numpy as np

from analyses.subjects import LABELS
from latentscape.analyses.analysis import Protocol
from latentscape.analyses.clusters.result import (
    METHODS,
    Agreement,
    ClusterPictures,
    Clusters,
    CodeClusters,
    NumberChoice,
    Partition,
)

K = 4
SIZES = (19, 17, 11, 13)
CHOICE = NumberChoice(by="silhouette", tried=((3, 0.11), (4, 0.125), (5, 0.1)))


def clusters(label="simple-20", *, gain=0.0, seed=1, labels=LABELS, shape=(1, 12, 10), dim=2):
    """Make clusters of a model and its baselines; `gain` is added to the model's accuracies."""
    codes = [
        (label, "model", dim, 0.5 + gain + 0.01 * (seed - 1)),
        ("raw pixels", "pixels", 120, 0.53),
        (f"PCA, {dim}", "pca", dim, 0.47),
    ]
    rows = tuple(code_clusters(*code, labels=labels, shape=shape) for code in codes)
    return Clusters(label_names=labels, rows=rows)


def code_clusters(name, kind, dim, accuracy, *, labels=LABELS, shape=(1, 12, 10)):
    """Make what all methods make of a code."""
    steps = dict(zip(METHODS, (0.0, 0.05, 0.1, 0.2), strict=True))
    return CodeClusters(
        name=name,
        kind=kind,
        dim=dim,
        protocol=Protocol(
            fitted_on="train",
            n_fitted=100,
            scored_on="test",
            n_scored=60,
            labels="scoring" if labels else "none",
        ),
        k=K,
        choice=CHOICE,
        partitions=tuple(
            Partition(
                method=method,
                k=K,
                sizes=SIZES,
                silhouette=0.125,
                n_fitted=100,
                seconds=0.5,
                agreement=_agreement(accuracy + step, labels) if labels else None,
                pictures=_pictures(shape) if (kind, method) == ("model", "kmeans") else None,
            )
            for method, step in steps.items()
        ),
    )


def _agreement(accuracy, labels):
    return Agreement(
        majority=accuracy,
        hungarian=accuracy - 0.03,
        nmi=accuracy - 0.1,
        ari=accuracy - 0.15,
        majority_labels=tuple(labels[n] for n in (0, 1, 1, 2)),
        confusion=((18, 1, 0), (2, 11, 4), (0, 8, 3), (0, 0, 13)),
    )


def _pictures(shape):
    test_clusters = np.arange(60) % K
    if len(shape) != 3:
        return ClusterPictures(test_clusters=test_clusters)
    rng = np.random.default_rng(0)
    examples = {name: rng.random((K, 8, *shape), dtype=np.float32) for name in ("near", "far")}
    examples["near"][1, 5:] = np.nan
    return ClusterPictures(
        test_clusters=test_clusters,
        means=rng.random((K, *shape), dtype=np.float32),
        nearest=examples["near"],
        farthest=examples["far"],
    )


def with_row(result, place, **changes):
    """Return clusters with another row of a code."""
    rows = list(result.rows)
    rows[place] = rows[place].model_copy(update=changes)
    return result.model_copy(update={"rows": tuple(rows)})


def with_partition(result, place, method, **changes):
    """Return clusters with another result of a method on a code."""
    partitions = tuple(
        partition.model_copy(update=changes) if partition.method == method else partition
        for partition in result.rows[place].partitions
    )
    return with_row(result, place, partitions=partitions)
