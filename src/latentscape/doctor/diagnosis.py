"""What the doctor finds: facts alone. Symptoms say in words what causes them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from latentscape.core.doors import Displayed
from latentscape.core.findings import (
    Floats,
    Images,
    Part,
    Record,
    Scalar,
    Skip,
    check_lengths,
)
from latentscape.core.tables import Table, Tabular
from latentscape.core.units import NONE, count, number

TrainingStage = Literal["before", "during", "after"]
"""When a symptom is looked for: before a model is trained, while it is, or once it is."""

Setting = bool | int | float | str | tuple[int, ...] | tuple[float, ...] | None
"""A value of a setting; None leaves the setting out."""


class Line(Record):
    """Points that are joined by a line."""

    name: str
    x: Floats
    y: Floats

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_lengths(x=len(self.x), y=len(self.y))
        return self


class Plot(Record):
    """Evidence to be drawn: lines over one axis."""

    x_label: str
    y_label: str
    lines: tuple[Line, ...] = Field(min_length=1)


class Strip(Record):
    """Evidence to be looked at: images (n, *shape) on the scale 0 to 1, with a name."""

    name: str
    images: Images


class Diagnosis(Record):
    """A symptom that a model has.

    Attributes
    ----------
    symptom : str
        Its key in the registry.
    value, threshold : float
        What was measured, and from where on it is a symptom.
    changes : dict of str to bool, int, float, str or None
        Dotted path of a setting to the value that mends it. Empty where no setting does.
    detail : dict
        Facts that go into sentences.
    plot : Plot or None
        The evidence, where it is a curve.
    strips : tuple of Strip
        The evidence, where it is pictures: one row each, the same examples below each other.
    """

    symptom: str
    value: float
    threshold: float
    changes: dict[str, Setting] = {}
    detail: dict[str, Scalar] = {}
    plot: Plot | None = None
    strips: tuple[Strip, ...] = ()

    def fact(self, name: str) -> float:
        """Return a number of the detail; 0 where it is missing or is no number."""
        value = self.detail.get(name, 0)
        return 0.0 if isinstance(value, str) else float(value)

    def text(self, name: str, digits: int = 3) -> str:
        """Write something of the detail for people."""
        value = self.detail.get(name, NONE)
        if isinstance(value, float):
            return number(value, digits)
        return count(value) if isinstance(value, int) else value


class Plan(Record):
    """What training will take, as far as that can be told before.

    Attributes
    ----------
    examples, steps : int
        Training examples, and steps in all.
    seconds : float
        Time of all steps on this machine, from a few that were taken.
    memory : float
        Bytes, at the least.
    """

    examples: int = Field(ge=1)
    steps: int = Field(ge=1)
    seconds: float = Field(ge=0)
    memory: float = Field(ge=0)


class Diagnoses(Displayed, Tabular, Part):
    """What the doctor finds.

    Attributes
    ----------
    stage : str
        ``before`` or ``after`` training.
    looked_at, n : str, int
        Part of the split whose examples were looked at, and how many of them.
    diagnoses : tuple of Diagnosis
        The cause of most of the others first; empty where nothing is wrong.
    examined : tuple of str
        Keys of the symptoms that were looked for.
    skipped : tuple of Skip
        Symptoms that could not be looked for, and what is missing.
    plan : Plan or None
        What training will take, before it.
    """

    part = "diagnoses"

    stage: TrainingStage
    looked_at: Literal["validation", "train"]
    n: int = Field(ge=1)
    diagnoses: tuple[Diagnosis, ...]
    examined: tuple[str, ...]
    skipped: tuple[Skip, ...] = ()
    plan: Plan | None = None

    def __repr__(self) -> str:
        return f"<Diagnoses: {', '.join(d.symptom for d in self.diagnoses) or 'nothing is wrong'}>"

    @property
    def table(self) -> Table:
        """A row for each symptom, with its number and from where on it is one."""
        names = ("symptom", "value", "threshold")
        rows = [{name: getattr(item, name) for name in names} for item in self.diagnoses]
        return Table.of_rows("symptoms", rows)

    @property
    def first(self) -> Diagnosis | None:
        """What is wrong first of all; None where nothing is."""
        return self.diagnoses[0] if self.diagnoses else None

    def get(self, symptom: str) -> Diagnosis | None:
        """Return the diagnosis of a symptom; None where the model does not have it."""
        return next((item for item in self.diagnoses if item.symptom == symptom), None)
