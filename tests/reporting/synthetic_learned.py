"""Small made-up findings about codes, in the shape that analysis writes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from latentscape.core.records import Findings
from latentscape.reporting.learned import learned_numbers, summary

from .synthetic import findings, study_of

POINTS = 40
PARTS = ("clustering", "probing", "projection", "legibility", "neighbours", "anomalies")


def analysed(
    label: str = "simple-20",
    *,
    parts: Sequence[str] = PARTS,
    gain: float = 0.0,
    normal: Sequence[str] | None = None,
    **more: Any,
) -> Findings:
    """Make findings of a run with some or all parts; `gain` is added to the model's accuracies."""
    run = findings(label, **more)
    makers = {
        "clustering": _clustering,
        "probing": _probing,
        "projection": _projection,
        "legibility": _legibility,
        "neighbours": _neighbours,
    }
    for part in parts:
        if part == "anomalies":
            run.values[part] = _anomalies(run, gain, normal)
        else:
            run.values[part] = makers[part](run, gain)
    return run


def study_of_analysed(groups: Sequence[Sequence[Findings]], **more: Any) -> dict[str, Any]:
    """Make the findings of a study whose rows are groups of analysed runs."""
    study = study_of(groups, **more)
    for row, runs in zip(study["rows"], groups, strict=True):
        numbers = [learned_numbers(run.values) for run in runs]
        metrics = dict.fromkeys(metric for found in numbers for metric in found)
        row["learned"] = {m: summary(found.get(m) for found in numbers) for m in metrics}
        scores = [run.values.get("anomalies", {}).get("scores", {}) for run in runs]
        row["anomalies"] = {n: summary(s[n]["auroc"] for s in scores) for n in scores[0]} or None
    return study


def _codes(run: Findings, gain: float) -> list[tuple[dict[str, Any], float]]:
    """Return what the model's code and its baselines are called, and how good each is."""
    label, dim = run.values["label"], run.values["latent_dim"]
    shift = 0.01 * (int(run.values["name"].rpartition("-")[2]) - 1)
    return [
        ({"name": label, "kind": "model", "dim": dim}, 0.5 + gain + shift),
        ({"name": "raw pixels", "kind": "pixels", "dim": 120}, 0.53),
        ({"name": f"PCA, {dim}", "kind": "pca", "dim": dim}, 0.47),
    ]


def _images(run: Findings, *lead: int) -> np.ndarray:
    shape = run.values["data"]["shape"]
    return np.random.default_rng(sum(lead)).random((*lead, *shape), dtype=np.float32)


def _clustering(run: Findings, gain: float) -> dict[str, Any]:
    names = run.values["data"]["label_names"]
    k = 4
    run.arrays["cluster_means"] = _images(run, k)
    for which in ("nearest", "farthest"):
        run.arrays[f"cluster_{which}"] = _images(run, k, 8)
    run.arrays["cluster_nearest"][1, 5:] = np.nan
    run.arrays["cluster_of_codes"] = np.arange(len(run.arrays["codes"])) % k
    rows = []
    for code, good in _codes(run, gain):
        methods = {
            name: _clustered(good + step, k, names)
            for name, step in (("kmeans", 0), ("gmm", 0.05), ("agglomerative", 0.1), ("umap", 0.2))
        }
        rows.append(
            {
                **code,
                "k": k,
                "chosen": {"by": "silhouette", "tried": [[3, 0.11], [4, 0.125], [5, 0.1]]},
                "fit": "train",
                "n_fit": 100,
                "n_scored": 60,
                "protocol": "Fitted on 100 training images, scored on 60 test images",
                "left_out": [],
                "methods": methods,
            }
        )
    return {"protocol": "K-means: 10 restarts, the best by inertia", "rows": rows}


def _clustered(good: float, k: int, names: Sequence[str]) -> dict[str, Any]:
    scores = {"majority": good, "hungarian": good - 0.03, "nmi": good - 0.1, "ari": good - 0.15}
    confusion = [[18, 1, 0], [2, 11, 4], [0, 8, 3], [0, 0, 13]]
    return {
        "k": k,
        **({name: score if names else None for name, score in scores.items()}),
        "n_fit": 100,
        "sizes": [19, 17, 11, 13],
        "majority_labels": [names[n] for n in (0, 1, 1, 2)] if names else None,
        "confusion": confusion if names else [],
        "silhouette": 0.125,
        "seconds": 0.5,
    }


def _probing(run: Findings, gain: float) -> dict[str, Any]:
    rows = []
    for code, good in _codes(run, gain):
        results = {
            kind: [
                {
                    "labels": labels,
                    "draws": 5 if labels < 100 else 1,
                    "accuracy": {
                        "mean": good + step + 0.1 * np.log10(labels),
                        "sd": 0.02 if labels < 100 else None,
                        "n": 5 if labels < 100 else 1,
                    },
                    "settings": {"k": 5} if kind == "knn" else {},
                }
                for labels in (10, 30, 100)
            ]
            for kind, step in (("knn", 0.0), ("logistic", 0.01), ("mlp", 0.02))
        }
        rows.append(
            {
                **code,
                "n_train": 100,
                "n_validation": 10,
                "n_test": 60,
                "protocol": "",
                "left_out": [],
                "results": results,
                "curves": [
                    {
                        "epoch": epoch,
                        "train_loss": 2 / epoch,
                        "validation_loss": 2.2 / epoch,
                        "train_accuracy": 1 - 0.5 / epoch,
                        "validation_accuracy": 1 - 0.6 / epoch,
                    }
                    for epoch in range(1, 6)
                ],
            }
        )
    return {"protocol": "Trained on train, chosen on validation, scored on test", "rows": rows}


def _projection(run: Findings, gain: float) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    rows = [code for code, _ in _codes(run, gain)]
    methods = (["code"] if run.values["latent_dim"] == 2 else []) + ["pca", "tsne", "umap"]
    labelled = bool(run.values["data"]["label_names"])
    labels = np.arange(POINTS) % 3 if labelled else np.full(POINTS, -1)
    run.arrays["map_labels"] = labels
    run.arrays["map_images"] = _images(run, 12)
    run.arrays["map_image_places"] = np.arange(12) * 3
    scores = {"trustworthiness": 0.953, "continuity": 0.97, "seconds": 1.5}
    maps = []
    for method in methods:
        for number in range(1 if method == "code" else 3):
            points = rng.normal(size=(POINTS, 2)) + labels[:, None] * 3
            run.arrays[f"map_{method}_{number}"] = points.astype(np.float32)
        accuracy = 0.875 if labelled else None
        maps.append(
            {
                "method": method,
                "n": POINTS,
                "neighbours": 15,
                "protocol": "perplexity 30" if method == "tsne" else "",
                "scores": [{**scores, "map_accuracy": accuracy}] * (1 if method == "code" else 3),
            }
        )
    return {"protocol": "40 test images", "left_out": [], "rows": rows, "maps": maps}


def _legibility(run: Findings, gain: float) -> dict[str, Any]:
    legible = np.arange(16) % 4 > 0
    run.arrays["legible"] = legible
    run.arrays["legible_snapshots"] = np.array([np.arange(16) % 2 > 0, legible])
    read = run.arrays["example_labels"].copy()
    run.arrays["legible_read"] = np.where(legible, read, (read + 1) % 3)
    return {
        "protocol": "A label is read where the judge gives it the highest probability",
        "left_out": [],
        "n": 60,
        "readable": 0.75 + gain,
        "originals": 0.985,
        "pca": 0.7,
        "per_class": {"ring": 0.9, "bar": 0.75, "dot": 0.6},
        "readable_of_16": 12 + int(run.values["name"][-1]) % 3,
        "originals_of_16": 16,
        "by_epoch": [
            {"epoch": 1, "readable_of_16": 8},
            {"epoch": 3, "readable_of_16": 12},
        ],
        "judge": {"accuracy": 0.9853, "n_train": 100, "n_test": 60},
    }


def _neighbours(run: Findings, gain: float) -> dict[str, Any]:
    run.arrays["neighbour_queries"] = _images(run, 3)
    run.arrays["neighbour_labels"] = np.arange(3)
    for space, wrong in (("latent", 0), ("pixels", 1)):
        run.arrays[f"neighbours_{space}"] = _images(run, 3, 5 + wrong)[:, :5]
        labels = np.tile(np.arange(3)[:, None], 5)
        labels[wrong, 4] = (labels[wrong, 4] + 1) % 3
        run.arrays[f"neighbours_{space}_labels"] = labels
    return {
        "k": 5,
        "n": 60,
        "agreement": {"latent": 0.917 + gain, "pixels": 0.946},
        "protocol": "Euclidean distance, over 60 test images",
        "left_out": [],
    }


def _anomalies(run: Findings, gain: float, normal: Sequence[str] | None) -> dict[str, Any]:
    for which in ("most", "least"):
        run.arrays[f"anomalies_{which}"] = _images(run, 16)
    run.arrays["anomalies_most_reconstructions"] = _images(run, 16)
    names = ("reconstruction", "latent_knn", "mahalanobis", "rank_average")
    baselines = ("pca_reconstruction", "pixel_knn", "pixel_mahalanobis", "pixel_rank_average")
    return {
        "normal": list(normal or ["ring"]),
        "data": "toy",
        "n_reference": 100,
        "n": 60,
        "n_anomalous": 40,
        "protocol": "Codes of training images of the normal labels are the reference",
        "left_out": [],
        "scores": {name: {"auroc": 0.9 + gain + 0.01 * i} for i, name in enumerate(names)},
        "baselines": {name: {"auroc": 0.89 + 0.015 * i} for i, name in enumerate(baselines)},
    }
