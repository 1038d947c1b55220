"""Anomalies: what a model scores as unlike its training examples, and whether labels agree."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.anomalies.scoring import (
    NEIGHBOURS,
    AnomalyScores,
    score_anomalies,
    score_baselines,
)
from latentscape.core.records import Array, Dataset, Findings, Split
from latentscape.core.units import joined
from latentscape.data.labels import label_indices
from latentscape.inference.batches import as_trained_on
from latentscape.inference.codec import reconstruct_with
from latentscape.model import Network, scaled

SHOWN = 16
"""Images of the most and of the least anomalous examples."""


def anomaly_findings(
    model: Network,
    split: Split,
    normal: Sequence[str] | None = None,
    data: Dataset | None = None,
    *,
    neighbours: int = NEIGHBOURS,
) -> Findings:
    """Score examples by a model and by baselines, and compare both with what labels say.

    Parameters
    ----------
    model, split, neighbours
        As for `score_anomalies`.
    normal : sequence of str, optional
        The labels that are normal; all others are anomalous. Without it there is no AUROC.
    data : Dataset, optional
        The examples to score, with a value range of their own; by default the test part of the
        split.

    Returns
    -------
    Findings
        ``values``: ``normal``, ``data``, ``n_reference``, ``n``, ``n_anomalous`` (None where nobody
        says), ``protocol``, ``left_out``, ``label_names``; ``scores`` and ``baselines``, for each
        score its ``auroc``: the chance that an anomalous example scores higher than a normal one
        (ties count half), or None. ``arrays``: ``anomalies_most`` and ``anomalies_least``
        (16, *shape), by the model's rank average, each with its ``..._reconstructions``; of all
        examples ``anomaly_index`` (n,), their places in the data, ``anomaly_labels`` (n,), -1
        without, and ``anomaly_scores`` (n, m), the columns in the order of ``scores`` and then of
        ``baselines``.

    Raises
    ------
    DataError
        As for `score_anomalies`, and if a label of `normal` does not exist.
    """
    data, index = (split.dataset, split.test) if data is None else (data, np.arange(len(data)))
    anomalous, no_auroc = _anomalous(data, index, normal)
    images, labels = as_trained_on(split.dataset, data, index)
    found = score_anomalies(model, split, images, labels, neighbours=neighbours)
    plain = score_baselines(split, images, model.latent.numbers, neighbours=neighbours)
    values = {
        "normal": None if normal is None else list(normal),
        "data": data.name,
        "n_reference": len(split.train),
        "n": len(index),
        "n_anomalous": None if anomalous is None else int(anomalous.sum()),
        "protocol": _protocol(split, found.ranked_among, neighbours),
        "left_out": [*no_auroc, *found.left_out, *plain.left_out],
        "label_names": [] if data.labels is None else list(data.label_names),
        "scores": _aurocs(found, anomalous),
        "baselines": _aurocs(plain, anomalous),
    }
    table = np.stack([*found.scores.values(), *plain.scores.values()], axis=1)
    arrays = {
        "anomaly_index": index,
        "anomaly_labels": np.full(len(index), -1) if data.labels is None else data.labels[index],
        "anomaly_scores": table.astype(np.float32),
    }
    return Findings(values, arrays | _pictures(model, split, images, labels, found))


def score_table(findings: Findings) -> tuple[list[str], list[list[Any]]]:
    """Lay the scores of `anomaly_findings` out for a CSV file.

    Returns
    -------
    columns : list of str
        ``index``, ``label``, and the names of the scores.
    rows : list of list
        One for each example; its label is empty where it has none.
    """
    values, arrays = findings.values, findings.arrays
    names = [*values["label_names"], ""]  # At -1, the label of what has none.
    parts = (arrays[f"anomaly_{name}"].tolist() for name in ("index", "labels", "scores"))
    rows = [[index, names[label], *scores] for index, label, scores in zip(*parts, strict=True)]
    return ["index", "label", *values["scores"], *values["baselines"]], rows


def _anomalous(
    data: Dataset, index: NDArray[np.int64], normal: Sequence[str] | None
) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """Tell which examples are anomalous by their labels, and why there is no AUROC if so."""
    if normal is None:
        return None, ["AUROC was left out: no labels were named as the normal ones"]
    if data.labels is None:
        return None, [f"AUROC was left out: {data.name} has no labels"]
    anomalous = ~np.isin(data.labels[index], label_indices(normal, data))
    if 0 < anomalous.sum() < len(anomalous):
        return anomalous, []
    kind = "anomalous" if anomalous.all() else "normal"
    return anomalous, [f"AUROC was left out: all {len(index):,} examples are {kind}"]


def _aurocs(
    found: AnomalyScores, anomalous: NDArray[np.bool_] | None
) -> dict[str, dict[str, float | None]]:
    from sklearn.metrics import roc_auc_score

    if anomalous is None or len(np.unique(anomalous)) < 2:
        return {name: {"auroc": None} for name in found.scores}
    return {
        name: {"auroc": float(roc_auc_score(anomalous, scores))}
        for name, scores in found.scores.items()
    }


def _protocol(split: Split, ranked_among: str, neighbours: int) -> str:
    dataset, held_out = split.dataset, split.sizes[ranked_among]
    known = ""
    if dataset.labels is not None:
        names = [dataset.label_names[label] for label in np.unique(dataset.labels[split.train])]
        known = f" (labelled {joined(names)})"
    return (
        f"Higher is more anomalous, measured against the {len(split.train):,} training examples"
        f"{known}: by the squared error of the reconstruction, by the mean distance to the "
        f"{neighbours} nearest of their codes, and by the Mahalanobis distance to their mean. The "
        f"rank average takes ranks among the scores of the {held_out:,} {ranked_among} examples. "
        "Baselines do the same with PCA of as many numbers and with pixels. Scores look at "
        "no labels, AUROC does."
    )


def _pictures(
    model: Network,
    split: Split,
    images: Array,
    labels: NDArray[np.int64] | None,
    found: AnomalyScores,
) -> dict[str, Array]:
    """Collect the most and the least anomalous examples, and what the model makes of them."""
    order = np.argsort(found.scores["rank_average"], kind="stable")
    arrays = {}
    for which, chosen in (("most", order[::-1][:SHOWN]), ("least", order[:SHOWN])):
        shown = torch.from_numpy(images[chosen])
        theirs = None if labels is None else torch.from_numpy(labels[chosen])
        arrays[f"anomalies_{which}"] = scaled(shown, split.dataset.value_range).numpy()
        arrays[f"anomalies_{which}_reconstructions"] = reconstruct_with(model)(
            shown, theirs
        ).numpy()
    return arrays
