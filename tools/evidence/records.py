"""A results file: what was measured, how, on what, and every single value."""

import json
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from latentscape.core.files import write_json
from latentscape.core.findings import Record, Statistic
from latentscape.evaluation.study import Claim
from latentscape.runs.facts import Environment, Sizes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "results"

CLOSE = 1e-9
"""Relative difference below which two numbers are the same number."""


class Number(Record):
    """A number over seeds.

    Attributes
    ----------
    values : tuple of float
        One of each run, in the order of the runs; empty where single values were not kept.
    statistic : Statistic
        Mean and sample standard deviation. Of a baseline that has seeds of its own, over those.
    """

    values: tuple[float, ...] = ()
    statistic: Statistic

    @classmethod
    def of(cls, values: tuple[float, ...], statistic: Statistic | None = None) -> Self:
        """Summarise values, unless that has been done."""
        statistic = statistic or Statistic.of(values)
        assert statistic is not None, "a number needs a value"
        return cls(values=values, statistic=statistic)

    @model_validator(mode="after")
    def _check(self) -> Self:
        summary = Statistic.of(self.values)
        if summary is not None and summary.n == self.statistic.n:
            _check_equal("mean", summary.mean, self.statistic.mean)
            _check_equal("sd", summary.sd or 0.0, self.statistic.sd or 0.0)
        return self


class RunFacts(Record):
    """A run behind a row: its seeds, its data, and where it was trained."""

    name: str
    seed: int
    split_seed: int
    sizes: Sizes
    train_seconds: float
    environment: Environment


class Picture(Record):
    """A picture of a gallery.

    Attributes
    ----------
    kind : str
        ``originals``, ``row``, ``reconstructions``, ``samples``, ``walk``, ``plane`` or ``map``.
    file : str
        Its place in the folder of the gallery.
    about : str
        What it shows.
    size : tuple of int
        Width and height in pixels.
    """

    kind: str
    file: str
    about: str
    size: tuple[int, int]


class ResultRow(Record):
    """A configuration, or a code that is no model's.

    Attributes
    ----------
    label, recipe : str
        What it is called; the name of its recipe, empty of a baseline.
    kind : str
        ``model``, ``pixels``, ``pca`` or ``other``.
    data : str
        Data and split, where `kind` is not ``model``.
    runs : tuple of RunFacts
        Empty of baselines, and where they were not kept.
    numbers : dict of str to Number
        By the key of the metric.
    claims : tuple of Claim
        What the origin reported.
    pictures : tuple of Picture
        Of the first run, where a gallery shows it.
    refused : str
        Why there are no numbers.
    """

    label: str
    recipe: str = ""
    kind: str = "model"
    data: str = ""
    runs: tuple[RunFacts, ...] = ()
    numbers: dict[str, Number]
    claims: tuple[Claim, ...] = ()
    pictures: tuple[Picture, ...] = ()
    refused: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, number in self.numbers.items():
            if self.runs and number.values and len(number.values) != len(self.runs):
                raise ValueError(f"{key} has {len(number.values)} values of {len(self.runs)} runs")
        return self

    def statistic(self, key: str) -> Statistic:
        """Return a number over seeds.

        Raises
        ------
        KeyError
            If it was not measured.
        """
        if key not in self.numbers:
            raise KeyError(f"{self.label} has no {key}")
        return self.numbers[key].statistic

    def reported(self, key: str) -> float:
        """Return what the origin reported of a metric.

        Raises
        ------
        KeyError
            If it reported nothing.
        """
        for claim in self.claims:
            if claim.metric == key:
                return claim.reported
        raise KeyError(f"nobody reported {key} of {self.label}")


class Recorded(Record):
    """Why single values are missing: the numbers are older than results files.

    Attributes
    ----------
    commit : str
        In which a document stated them first.
    circumstances : str
        Machine, threads and precision, in words.
    """

    commit: str
    circumstances: str


class Evidence(Record):
    """The content of a results file.

    Attributes
    ----------
    name, about : str
        Of the file; what was measured, in a sentence.
    command : str
        What measures it again.
    date : str
        Of the evaluation, ISO 8601.
    evaluated : Environment or None
        Versions, machine and commit of the evaluation; those of training are with each run.
    recorded : Recorded or None
        Where the numbers are older than results files; else None.
    rows : tuple of ResultRow
        Models, then baselines.
    printed : tuple of str
        Lines of the table that the command printed, where a document shows it.
    """

    name: str
    about: str
    command: str
    date: str
    evaluated: Environment | None = None
    recorded: Recorded | None = None
    rows: tuple[ResultRow, ...] = Field(min_length=1)
    printed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.evaluated is None) == (self.recorded is None):
            raise ValueError("numbers are either measured or recorded")
        if self.evaluated is not None and not all(n.values for r in self.rows for n in _all(r)):
            raise ValueError("a measured number has no single values")
        return self

    def row(self, label: str, kind: str | None = None) -> ResultRow:
        """Return the row of a label.

        Raises
        ------
        KeyError
            If there is none.
        """
        for row in self.rows:
            if row.label == label and kind in (None, row.kind):
                return row
        raise KeyError(f"results/{self.name}.json has no row {label}")

    def baseline(self, kind: Literal["pixels", "pca"], ending: str = "") -> ResultRow:
        """Return the row of raw pixels, or of PCA with the components that end its name."""
        for row in self.rows:
            if row.kind == kind and row.label.endswith(ending):
                return row
        raise KeyError(f"results/{self.name}.json has no {kind} {ending}")


def load(name: str, folder: Path = FOLDER) -> Evidence:
    """Read a results file.

    Raises
    ------
    ValueError
        If it is not one; the message names the file and the field.
    """
    path = folder / f"{name}.json"
    try:
        evidence = Evidence.model_validate(json.loads(path.read_text("utf-8")), strict=False)
    except (ValidationError, ValueError) as error:
        raise ValueError(f"{path} is no results file: {error}") from error
    if evidence.name != name:
        raise ValueError(f"{path} says that it is {evidence.name}")
    return evidence


def save(evidence: Evidence, folder: Path = FOLDER) -> Path:
    """Write a results file, whole or not at all."""
    path = folder / f"{evidence.name}.json"
    write_json(path, evidence.model_dump(mode="json", exclude_defaults=True))
    return path


def _all(row: ResultRow) -> list[Number]:
    return list(row.numbers.values())


def _check_equal(name: str, value: float, other: float) -> None:
    if abs(value - other) > CLOSE * max(1.0, abs(value), abs(other)):
        raise ValueError(f"the {name} is {other}, and that of the values is {value}")
