"""What a report compares: one row per configuration, with the runs that stand behind it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentscape.core.records import Array, Findings
from latentscape.reporting.learned import learned_numbers

# More pictures than this tire the reader before they tell more; tables and charts show all rows.
PICTURED = 8
LATENT = ("elbo", "rate", "distortion", "active_units", "perplexity")


@dataclass(frozen=True, eq=False)
class Row:
    """A configuration.

    Attributes
    ----------
    label : str
        What it is called on the page.
    facts : mapping
        Its row of the study: statistics over seeds.
    runs : tuple of Findings
        Its runs; the first is pictured.
    """

    label: str
    facts: Mapping[str, Any]
    runs: tuple[Findings, ...]

    @property
    def first(self) -> Findings:
        """The run that pictures show."""
        return self.runs[0]

    @property
    def values(self) -> dict[str, Any]:
        """What was found out about the first run."""
        return self.first.values

    @property
    def arrays(self) -> dict[str, Array]:
        """Pictures and codes of the first run."""
        return _visible(self.first.arrays)

    @property
    def data(self) -> str:
        """The data and how they were split: rows that differ in it have baselines of their own."""
        data = self.values["data"]
        sizes = json.dumps(data["sizes"]).strip("{}").replace('"', "")
        return f"{data['name']}, {sizes}, split {data['seed']}"

    @property
    def latent_dim(self) -> int:
        """Length of the code."""
        return int(self.facts["latent_dim"])

    @property
    def numbers(self) -> int:
        """How many separate numbers the code holds: places of a codebook, or its length."""
        if "codes" in self.latent:  # Of a codebook.
            return int(self.values["evaluation"]["pca"]["dim"])
        return self.latent_dim

    @property
    def latent(self) -> Mapping[str, Any]:
        """What the code of the first run costs and how it is used; empty for plain codes."""
        return self.values.get("latent") or {}

    @property
    def supervised(self) -> bool:
        """Whether labels were used in training."""
        return str(self.values["labels_used"]).startswith("Supervised")

    @property
    def collapse(self) -> str:
        """A sentence that says that the code is not used; empty where every run uses it."""
        return next(filter(None, map(collapse_of, self.runs)), "")

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know wherever the row is compared with others."""
        marks = (("labels", self.supervised), ("collapsed", bool(self.collapse)))
        return tuple(mark for mark, applies in marks if applies)

    @property
    def marked(self) -> str:
        """The label with its marks."""
        return f"{self.label} ({', '.join(self.marks)})" if self.marks else self.label

    def statistic(self, metric: str) -> Mapping[str, Any]:
        """Mean and standard deviation of a metric over seeds; empty where it does not apply."""
        for part in ("metrics", "latent", "likelihood", "learned"):
            if found := (self.facts.get(part) or {}).get(metric):
                return dict(found)
        return {}

    def mean(self, metric: str) -> float | None:
        """Mean of a metric over seeds; None where it does not apply."""
        value = self.statistic(metric).get("mean")
        return None if value is None else float(value)

    def found(self, part: str) -> Mapping[str, Any]:
        """Return a part of the first run's findings; empty where nothing was looked for."""
        return self.values.get(part) or {}

    @property
    def mse(self) -> float:
        """Mean test error, infinite where there is none, so that such a row sorts last."""
        mse = self.mean("mse")
        return float("inf") if mse is None else mse


@dataclass(frozen=True, eq=False)
class Subject:
    """All that a report is about.

    Attributes
    ----------
    study : mapping or None
        Findings of the study.
    rows : tuple of Row
        In the order of the tables.
    tile : int
        Largest side of a small picture, in pixels.
    """

    study: Mapping[str, Any] | None
    rows: tuple[Row, ...]
    tile: int = 96

    @property
    def pictured(self) -> tuple[Row, ...]:
        """The rows with the lowest error, in the order of the tables."""
        chosen = sorted(self.rows, key=lambda row: row.mse)[:PICTURED]
        return tuple(row for row in self.rows if row in chosen)

    def colour(self, row: Row) -> str:
        """CSS class of a row's colour: the same in every chart; faint for rows not pictured."""
        return f"c{self.pictured.index(row)}" if row in self.pictured else "faint"

    def having(self, part: str) -> tuple[Row, ...]:
        """Rows in whose findings a part stands."""
        return tuple(row for row in self.rows if row.found(part))

    @property
    def seeds(self) -> int:
        """The largest number of runs behind one row."""
        return max(len(row.runs) for row in self.rows)


def gather(study: Mapping[str, Any] | None, runs: Sequence[Findings]) -> tuple[Row, ...]:
    """Put runs together into rows, as the study has them; without one, every run is a row."""
    if study is None:
        return tuple(Row(_label(run), _facts(run.values), (run,)) for run in runs)
    named = {run.values["name"]: run for run in runs}
    rows = []
    for facts in study["rows"]:
        found = tuple(named[name] for name in facts["runs"] if name in named)
        if found:
            rows.append(Row(facts["label"], facts, found))
    return tuple(rows)


def by_images(rows: Iterable[Row], name: str) -> list[list[Row]]:
    """Group rows by the images of an array, since a study may use several splits.

    Parameters
    ----------
    rows : iterable of Row
        All of which have the array.
    name : str
        Of an array of test images, such as ``originals``.
    """
    groups: dict[bytes, list[Row]] = {}
    for row in rows:
        groups.setdefault(np.ascontiguousarray(row.arrays[name]).tobytes(), []).append(row)
    return list(groups.values())


def images(row: Row, name: str, lead: int = 1) -> Array | None:
    """Return pictures with `lead` axes before those of an image; None where there are none."""
    found = row.arrays.get(name)
    return found if found is not None and found.ndim == lead + 3 else None


def distinction(rows: Sequence[Row], subject: Subject) -> list[str]:
    """Return what tells a group's file from those of other groups."""
    return [] if len(rows) == len(subject.pictured) else [rows[0].label]


def told_apart(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Write what is known by name and `Row.data`: where data differ, the name tells which."""
    distinct = dict.fromkeys(keys)
    names = [name for name, _ in distinct]
    return {
        (name, data): f"{name} ({data})" if names.count(name) > 1 else name
        for name, data in distinct
    }


def collapse_of(run: Findings) -> str:
    """Return the sentence that says that a run does not use its code; empty where it does."""
    if latent := run.values.get("latent"):
        return str(latent["collapse"])
    return next((e["what"] for e in run.values["events"] if "collapsed" in e["what"]), "")


def _visible(arrays: dict[str, Array]) -> dict[str, Array]:
    """Show images of other than one or three channels by the mean of their channels."""
    return {
        name: values.mean(axis=-3, keepdims=True)
        if values.ndim >= 4 and values.shape[-3] not in (1, 3)
        else values
        for name, values in arrays.items()
    }


def _label(run: Findings) -> str:
    return str(run.values.get("label") or run.values["name"])


def _facts(values: Mapping[str, Any]) -> dict[str, Any]:
    evaluation = values["evaluation"]
    return {
        "parameters": values["parameters"],
        "latent_dim": values["latent_dim"],
        "sizes": values["data"]["sizes"],
        "epochs": len(values["history"]),
        "metrics": {key: {"mean": value} for key, value in evaluation["metrics"].items()},
        "latent": _means(values.get("latent"), LATENT),
        "likelihood": _means(values.get("likelihood"), ("nll",)),
        "learned": {key: {"mean": value} for key, value in learned_numbers(values).items()},
        "anomalies": _aurocs(values, "scores"),
        "anomaly_baselines": _aurocs(values, "baselines"),
        "pca": evaluation["pca"]["metrics"],
        "train_seconds": {"mean": values["timing"]["train_seconds"]},
        "beats_pca": evaluation["beats_pca"],
        "verdict": evaluation["verdict"],
        "reported": values["reported"],
    }


def _aurocs(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    scores = values.get("anomalies", {}).get(kind, {})
    return {name: {"mean": score["auroc"]} for name, score in scores.items()}


def _means(values: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Any]:
    """Write numbers as a study writes their statistics over seeds."""
    return {name: {"mean": values[name]} for name in names if name in values} if values else {}
