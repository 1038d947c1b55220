"""Maps of codes."""

from collections.abc import Iterator

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings
from latentscape.runs.legacy.skips import Sentence, read_skips

_MAX_COMPARED = 2000
"""Points whose neighbours were compared, at most."""

_SENTENCES = (
    Sentence(
        "few_points",
        r"(?P<item>Maps were) left out: there are (?P<points>[\d,]+) points, and a map needs "
        r"(?P<min_points>\d+)",
    ),
    Sentence(
        "no_map",
        "The codes of (?P<codes>.+) are all the same: the encoder has collapsed, so there is no "
        "map of them",
    ),
    Sentence("no_labels", "(?P<item>The accuracy .+ was) left out: the data have no labels"),
    Sentence("one_label", "(?P<item>The accuracy .+ was) left out: all points have the same label"),
)


def projection(findings: LegacyFindings) -> Json | None:
    """Return the content of the part ``projection``."""
    values = findings.values.get("projection")
    if not values:
        return None
    arrays = findings.arrays
    maps = [
        {
            "method": of_method["method"],
            "settings": of_method["settings"],
            "layouts": list(_layouts(findings, of_method)),
        }
        for of_method in values["maps"]
    ]
    thumbnails = None
    if "map_images" in arrays:
        thumbnails = {"images": arrays["map_images"], "points": arrays["map_image_places"]}
    return {
        "settings": values["settings"],
        "skipped": read_skips(values["left_out"], _SENTENCES),
        "protocol": _protocol(findings),
        "points": arrays["map_points"],
        "labels": arrays["map_labels"],
        "methods": [of_method for of_method in maps if of_method["layouts"]],
        "thumbnails": thumbnails,
    }


def _layouts(findings: LegacyFindings, of_method: Json) -> Iterator[Json]:
    rows = zip(findings.values["projection"]["rows"], of_method["scores"], strict=False)
    for number, (row, scores) in enumerate(rows):
        name = f"map_{of_method['method']}_{number}"
        if name in findings.arrays:
            yield {
                "code": row["name"],
                "kind": row["kind"],
                "places": findings.arrays[name],
                "fidelity": {
                    "trustworthiness": scores["trustworthiness"],
                    "continuity": scores["continuity"],
                    "accuracy": scores["map_accuracy"],
                },
                "seconds": scores["seconds"],
            }


def _protocol(findings: LegacyFindings) -> Json:
    values, n = findings.values["projection"], len(findings.arrays["map_points"])
    n_test = min(n, findings.values["data"]["sizes"]["test"])
    pixels = {number for number, row in enumerate(values["rows"]) if row["kind"] == "pixels"}
    have_maps = {int(name.rpartition("_")[2]) for name in findings.arrays if _is_map(name)}
    return {
        "n_test": n_test,
        "n_train": n - n_test,
        "start": "pixels" if pixels & have_maps else "codes",
        "neighbours": values["maps"][0]["neighbours"] if values["maps"] else 0,
        "n_compared": min(n, _MAX_COMPARED),
    }


def _is_map(name: str) -> bool:
    return name.startswith("map_") and name.rpartition("_")[2].isdecimal()
