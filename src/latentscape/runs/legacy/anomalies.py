"""Anomaly scores, as version 0.1.0 kept them."""

import re

import numpy as np

from latentscape.core.findings import Json
from latentscape.core.records import Array
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.legacy.skips import Sentence, read_skips

_SENTENCES = (
    Sentence("no_normal", r"(?P<item>AUROC was) left out: no labels were named .+"),
    Sentence("no_labels", r"(?P<item>AUROC was) left out: (?P<data>.+) has no labels"),
    Sentence(
        "one_kind",
        r"(?P<item>AUROC was) left out: all (?P<examples>[\d,]+) examples are (?P<kind>\w+)",
    ),
    Sentence(
        "same_codes",
        r"The codes of (?P<codes>.+) are all the same: the encoder has collapsed, so (?P<item>.+) "
        "left out",
    ),
    Sentence(
        "few_examples",
        r"(?P<item>.+) left out: it needs (?P<least>\d+) training examples, and there are "
        r"(?P<examples>\d+)",
    ),
)


def anomalies(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``anomalies``; None where there is none."""
    values, arrays = findings.values.get("anomalies"), findings.arrays
    if not values:
        return None
    data, columns = findings.values["data"], arrays["anomaly_scores"].T
    n_scores, protocol = len(values["scores"]), values["protocol"]
    ranked_among = "train" if " train examples. Baselines" in protocol else "validation"
    return {
        "settings": values.get("settings", {}),
        "skipped": read_skips(values["left_out"], _SENTENCES),
        "protocol": {
            "fitted_on": "train",
            "n_fitted": values["n_reference"],
            "scored_on": "test",
            "n_scored": values["n"],
            "labels": "none" if values["n_anomalous"] is None else "scoring",
        },
        **{key: values[key] for key in ("data", "normal", "n_anomalous", "label_names")},
        "reference_labels": _reference_labels(data),
        "ranked_among": ranked_among,
        "n_ranked": data["sizes"][ranked_among],
        "neighbours": int(_number(r"distance to the (\d+) nearest", protocol)),
        "scores": _scores(values["scores"], columns[:n_scores]),
        "baselines": _scores(values["baselines"], columns[n_scores:]),
        "index": arrays["anomaly_index"],
        "labels": arrays["anomaly_labels"],
        "highest": _extremes(findings, "most"),
        "lowest": _extremes(findings, "least"),
    }


def _reference_labels(data: Json) -> list[str]:
    """Return the labels that training examples have."""
    counts = data.get("train_labels") or dict.fromkeys(data["label_names"], 1)
    return [name for name, count in counts.items() if count]


def _number(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"its protocol has no {pattern}")
    return match[1]


def _scores(scores: Json, columns: Array) -> Json:
    return {
        key: {"auroc": score["auroc"], "values": np.ascontiguousarray(column)}
        for (key, score), column in zip(scores.items(), columns, strict=True)
    }


def _extremes(findings: LegacyFindings, which: str) -> Json:
    name = f"anomalies_{which}"
    return {
        "images": findings.arrays[name],
        "reconstructions": findings.arrays[f"{name}_reconstructions"],
    }
