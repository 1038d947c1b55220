"""Probes, as version 0.1.0 kept them."""

from collections.abc import Iterable

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.legacy.skips import Sentence, read_skips

_SENTENCES = (
    Sentence("no_labels", r"(?P<item>Probes were) left out: the data have no labels"),
    Sentence("one_label", r"(?P<item>Probes were) left out: all training examples have the same.+"),
    Sentence(
        "same_codes",
        r"(?P<item>Probes were) left out\. The codes of (?P<codes>.+) are all the same: the "
        "encoder has collapsed",
    ),
    Sentence(
        "many_labels",
        r"(?P<item>.+ labels were) left out: the training part has (?P<examples>[\d,]+) examples "
        "in all",
    ),
    Sentence(
        "few_labels",
        r"(?P<item>.+ labels) cannot show each of the (?P<classes>[\d,]+) classes, .+",
    ),
    Sentence(
        "unknown_labels",
        r"(?P<examples>[\d,]+) of (?P<tested>[\d,]+) (?P<item>test examples) have a label that .+",
    ),
)


def probes(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``probing``; None where there is none."""
    values = findings.values.get("probing")
    if not values:
        return None
    rows = [_row(row) for row in values["rows"]]
    return {"settings": values.get("settings", {}), "rows": rows}


def _row(row: Json) -> Json:
    return {
        "name": row["name"],
        "kind": row["kind"],
        "dim": row["dim"],
        "protocol": {
            "fitted_on": "train",
            "n_fitted": row["n_train"],
            "selected_on": "validation" if row["n_validation"] else None,
            "n_selected": row["n_validation"],
            "scored_on": "test",
            "n_scored": row["n_test"],
            "labels": "training",
        },
        "results": [
            {"probe": probe, "scores": list(map(_score, results))}
            for probe, results in row["results"].items()
            if results
        ],
        "curves": list(_curves(row["curves"])),
        "skipped": read_skips(row["left_out"], _SENTENCES),
    }


def _score(result: Json) -> Json:
    choices = {"best_epochs" if k == "kept" else k: v for k, v in result["settings"].items()}
    return {**{key: result[key] for key in ("labels", "draws", "accuracy")}, "choices": choices}


def _curves(points: Iterable[Json]) -> Iterable[Json]:
    for point in points:
        train, validation = (
            {"loss": point[f"{part}_loss"], "accuracy": point[f"{part}_accuracy"]}
            for part in ("train", "validation")
        )
        is_measured = validation["loss"] is not None
        yield {
            "epoch": point["epoch"],
            "train": train,
            "validation": validation if is_measured else None,
        }
