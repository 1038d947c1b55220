"""What codes are good for, as numbers: picked from the findings of runs.

Tables, reports and studies read them here, so that they cannot disagree. A *code* is a mapping with
``name``, ``kind`` (``model``, ``pixels``, ``pca`` or ``other``) and ``learned``: a number for each
metric of `latentscape.core.units.LEARNED` that was measured.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

_KINDS = ("model", "pixels", "pca", "other")

_CLUSTERED = {
    "kmeans_accuracy": ("kmeans", "majority"),
    "kmeans_hungarian": ("kmeans", "hungarian"),
    "gmm_hungarian": ("gmm", "hungarian"),
    "agglomerative_hungarian": ("agglomerative", "hungarian"),
    "umap_hungarian": ("umap", "hungarian"),
    "kmeans_nmi": ("kmeans", "nmi"),
    "kmeans_ari": ("kmeans", "ari"),
}
_PROBED = {"knn_accuracy": "knn", "logistic_accuracy": "logistic", "probe_accuracy": "mlp"}


def learned_numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return what the code of a run is good for.

    Parameters
    ----------
    values : mapping
        Findings of a run.

    Returns
    -------
    dict of str to float
        Metric of `latentscape.core.units.LEARNED` to number; empty where nothing was measured.
    """
    codes = (code["learned"] for code in learned_codes(values) if code["kind"] == "model")
    return next(codes, {})


def learned_codes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all codes that the findings of a run compare, the run's model first."""
    codes: dict[str, dict[str, Any]] = {}
    for name, kind, numbers in _measured(values):
        key = kind if kind == "model" else name
        code = codes.setdefault(key, {"name": name, "kind": kind, "learned": {}})
        code["learned"] |= {m: value for m, value in numbers.items() if value is not None}
    return sorted(codes.values(), key=_order)


def learned_baselines(groups: Iterable[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the codes that models of a study are compared with, each of them once.

    Parameters
    ----------
    groups : iterable of sequences of mappings
        For every configuration the findings of its runs, which differ in the seed.

    Returns
    -------
    list of dict
        Codes whose numbers are statistics over the seeds of the first configuration that has them:
        ``mean``, ``sd`` and ``n``. Where data differ, the name tells which.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for runs in groups:
        of_data = _data(runs[0])
        for code in _over_seeds(runs):
            found.setdefault((code["name"], of_data), code)
    names = [name for name, _ in found]
    for (name, of_data), code in found.items():
        if names.count(name) > 1:
            code["name"] = f"{name} ({of_data})"
    return sorted(found.values(), key=_order)


def summary(values: Iterable[float | None]) -> dict[str, Any] | None:
    """Return mean, sample standard deviation and number; None where there is nothing to average."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    sd = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return {"mean": float(np.mean(numbers)), "sd": sd, "n": len(numbers)}


def _measured(
    values: Mapping[str, Any],
) -> Iterator[tuple[str, str, Mapping[str, float | None]]]:
    for row in values.get("clustering", {}).get("rows", ()):
        methods = row["methods"]
        found = {m: methods.get(name, {}).get(key) for m, (name, key) in _CLUSTERED.items()}
        yield row["name"], row["kind"], found
    for row in values.get("probing", {}).get("rows", ()):
        results = {m: row["results"].get(probe) for m, probe in _PROBED.items()}
        # The last entry is the one with all labels.
        found = {m: result[-1]["accuracy"]["mean"] for m, result in results.items() if result}
        yield row["name"], row["kind"], found
    if read := values.get("legibility"):
        keys = ("readable", "readable_of_16")
        yield values["name"], "model", {key: read.get(key) for key in keys}
        originals = {"readable": read.get("originals"), keys[1]: read.get("originals_of_16")}
        yield "raw pixels", "pixels", originals
        dim = values["evaluation"]["pca"]["dim"]
        yield f"PCA, {dim}", "pca", {"readable": read.get("pca")}


def _over_seeds(runs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Average the codes that are not the model's over runs."""
    seeds: dict[str, list[dict[str, Any]]] = {}
    for code in (code for values in runs for code in learned_codes(values)):
        if code["kind"] != "model" and code["learned"]:
            seeds.setdefault(code["name"], []).append(code)
    for name, codes in seeds.items():
        metrics = dict.fromkeys(metric for code in codes for metric in code["learned"])
        learned = {m: _once([code["learned"].get(m) for code in codes]) for m in metrics}
        yield {"name": name, "kind": codes[0]["kind"], "learned": learned}


def _once(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Summarise; the same number from every seed was measured once, and has no deviation."""
    return summary(values[:1] if len(set(values)) == 1 else values)


def _order(code: Mapping[str, Any]) -> tuple[int, int, str]:
    """Order models before pixels before PCA, and there fewer components before more."""
    name = code["name"] if code["kind"] == "pca" else ""
    return _KINDS.index(code["kind"]), len(name), name


def _data(values: Mapping[str, Any]) -> str:
    data = values["data"]
    sizes = json.dumps(data["sizes"]).strip("{}").replace('"', "")
    return f"{data['name']}, {sizes}, split {data['seed']}"
