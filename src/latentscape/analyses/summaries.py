"""What runs that differ in their seeds found, put into the rows of a study."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from latentscape.evaluation.reconstruction import judge
from latentscape.reporting.learned import learned_numbers, summary

_LATENT_NUMBERS = ("elbo", "rate", "distortion", "active_units", "perplexity")


def row_of(label: str, seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put the seeds of one configuration into a row."""
    first = seeds[0]
    evaluations = [values["evaluation"] for values in seeds]
    metrics = _summaries([evaluation["metrics"] for evaluation in evaluations])
    mean = {name: (values or {}).get("mean") for name, values in metrics.items()}
    pca, blank = (evaluations[0][name]["metrics"] for name in ("pca", "mean_image"))
    return {
        "label": label,
        "recipe": first["recipe"]["name"],
        "runs": [values["name"] for values in seeds],
        "parameters": first["parameters"],
        "latent_dim": first["latent_dim"],
        "sizes": first["data"]["sizes"],
        "epochs": max(len(values["history"]) for values in seeds),
        "metrics": metrics,
        "pca": pca,
        "train_seconds": summary([values["timing"]["train_seconds"] for values in seeds]),
        "latent": _of_all(seeds, "latent", _LATENT_NUMBERS),
        "likelihood": _likelihood(seeds),
        "learned": _learned(seeds),
        "normal": (first.get("anomalies") or {}).get("normal"),
        "anomalies": _anomalies(seeds, "scores"),
        "anomaly_baselines": _anomalies(seeds, "baselines"),
        "collapse": next(filter(None, (_collapse(values) for values in seeds)), ""),
        "labels_used": first["labels_used"],
        "supervised": first["labels_used"].startswith("Supervised"),
        "validation_mse": summary([_validation_mse(values) for values in seeds]),
        **judge(mean, pca, blank, evaluations[0]["pca"]["dim"]),
        "reported": _reported(seeds),
    }


def _of_all(
    seeds: Sequence[Mapping[str, Any]], part: str, names: Sequence[str]
) -> dict[str, Any] | None:
    """Summarise numbers of a part of the findings that not every kind of run has."""
    found = [values[part] for values in seeds if part in values]
    if not found:
        return None
    return {name: summary([values.get(name) for values in found]) for name in names}


def _likelihood(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Summarise likelihoods where all were measured the same way."""
    found = [values["likelihood"] for values in seeds if "likelihood" in values]
    ways = {(values["binarize"], values["samples"], values["n"]) for values in found}
    return _of_all(seeds, "likelihood", ("nll", "bits_per_dim")) if len(ways) == 1 else None


def _collapse(values: Mapping[str, Any]) -> str:
    return str(values.get("latent", {}).get("collapse", ""))


def _validation_mse(values: Mapping[str, Any]) -> float | None:
    """Return the MSE per pixel on validation examples of the weights that were kept."""
    validations = [record["validation"] for record in values["history"] if record["validation"]]
    if not validations:
        return None
    patient = values["recipe"]["train"].get("patience") is not None
    kept = min(validations, key=lambda v: v["loss"]) if patient else validations[-1]
    return float(kept["mse"])


def _reported(seeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Average over seeds what was obtained of each number that the origin reported."""
    claims = zip(*(values["reported"] for values in alike(seeds)), strict=True)
    means = [(of_seeds[0], summary([c["obtained"] for c in of_seeds])) for of_seeds in claims]
    return [{**claim, "obtained": (found or {}).get("mean")} for claim, found in means]


def alike(seeds: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out what was analysed in other ways for one seed than for another."""
    parts = {name for values in seeds for name, part in values.items() if _has_settings(part)}
    ways = {
        part: {json.dumps(values.get(part, {}).get("settings")) for values in seeds}
        for part in parts
    }
    mixed = {part for part, settings in ways.items() if len(settings) > 1}
    return [{name: v for name, v in values.items() if name not in mixed} for values in seeds]


def _has_settings(part: Any) -> bool:
    return isinstance(part, Mapping) and "settings" in part


def _learned(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Summarise what the codes are good for, where it was measured."""
    found = [learned_numbers(values) for values in alike(seeds)]
    names = dict.fromkeys(name for numbers in found for name in numbers)
    return {name: summary([numbers.get(name) for numbers in found]) for name in names}


def _anomalies(seeds: Sequence[Mapping[str, Any]], which: str) -> dict[str, Any]:
    """Summarise how well scores tell anomalies (AUROC), where it was measured."""
    found = [values["anomalies"][which] for values in alike(seeds) if "anomalies" in values]
    names = dict.fromkeys(name for scores in found for name in scores)
    return {name: summary([s.get(name, {}).get("auroc") for s in found]) for name in names}


def mean_anomalies(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Average AUROC over rows that differ in what is normal; None where they do not."""
    if len({json.dumps(row["normal"]) for row in rows}) < len(rows) or len(rows) < 2:
        return None
    kinds = {"scores": "anomalies", "baselines": "anomaly_baselines"}
    if not all(any(row[key].values()) for row in rows for key in kinds.values()):
        return None
    return {
        which: {
            name: summary([(row[key].get(name) or {}).get("mean") for row in rows])
            for name in rows[0][key]
        }
        for which, key in kinds.items()
    }


def _summaries(metrics: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    return {name: summary([values[name] for values in metrics]) for name in metrics[0]}


def rank(row: Mapping[str, Any]) -> float:
    """Order rows by error on validation examples, for test examples choose nothing."""
    validation = row["validation_mse"]
    return float("inf") if validation is None else float(validation["mean"])
