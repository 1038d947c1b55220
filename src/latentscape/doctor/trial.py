"""What a trial shows: the current and the mended setting, trained side by side for a short time."""

from typing import Literal

from pydantic import Field

from latentscape.core.doors import Displayed
from latentscape.core.findings import Record
from latentscape.doctor.diagnosis import Diagnosis, Line, Setting

SIGMAS = 2.0
"""Standard errors by which two errors have to differ, over the same examples."""

SAME = 0.01
"""Share of an error below which a difference does not matter."""

ROUGHLY = 0.05
"""Share of the variance by which it has to differ over other examples, or on another scale."""

Outcome = Literal["gone", "less", "same", "more", "unseen"]
"""What became of a symptom; ``unseen``: the current setting does not show it in the trial."""

LookedAt = Literal["validation", "held_out", "train"]
"""Whose examples errors are of: ``held_out`` are training examples that neither side was trained
on, ``train`` those that both were trained on."""

ErrorOutcome = Literal["better", "same", "worse"]


class Side(Record):
    """One of the two settings, after its training.

    Attributes
    ----------
    epochs, steps : int
        That it was trained for.
    share : float
        Share of the epochs of its recipe that these are.
    seconds : float
        Time that these took.
    has_model : bool
        Whether it came to a model: not where its loss became infinite or NaN again and again, nor,
        without any epoch, where settings and data do not go together.
    number : float or None
        What the symptom measures of it; None where that cannot be measured.
    diagnosis : Diagnosis or None
        The symptom, if it has it.
    error : float or None
        Squared error per pixel of held-out examples.
    explained : float or None
        Share of the variance of their pixels that it explains.
    curve : Line or None
        Their error over the steps, where some are held out.
    """

    epochs: int = Field(ge=0)
    share: float = Field(ge=0, le=1)
    steps: int = Field(ge=0)
    seconds: float = Field(ge=0)
    has_model: bool = True
    number: float | None = None
    diagnosis: Diagnosis | None = None
    error: float | None = None
    explained: float | None = None
    curve: Line | None = None


class Trial(Displayed, Record):
    """The current and the mended setting: same seed, same examples.

    Attributes
    ----------
    symptom : str
        What shall be mended.
    changes : dict of str to bool, int, float, str, tuple or None
        Dotted path of a setting to the value that is tried.
    current, mended : Side
        Without the changes, and with them.
    looked_at : str
        Whose examples errors are of; see `LookedAt`.
    n, examples : int
        How many these are; and how many each side was trained on.
    difference, standard_error : float or None
        Mended error less current error, over the same examples; None where one side has no model,
        or where the two are on different scales.
    """

    symptom: str
    changes: dict[str, Setting]
    current: Side
    mended: Side
    looked_at: LookedAt
    n: int = Field(ge=1)
    examples: int = Field(ge=1)
    difference: float | None = None
    standard_error: float | None = None

    def __repr__(self) -> str:
        helps = "helps" if self.helps else "does not help"
        return f"<Trial of {self.symptom}: the change {helps}>"

    @property
    def outcome(self) -> Outcome:
        """What the change does to the symptom."""
        before, after = self.current.diagnosis, self.mended.diagnosis
        if before is None:
            return "unseen" if after is None else "more"
        if after is None:
            return "gone" if self.mended.has_model else "more"
        if before.threshold != after.threshold or before.value == after.value:
            return "same"
        is_too_high = before.value > before.threshold
        return "less" if (after.value < before.value) == is_too_high else "more"

    @property
    def error_outcome(self) -> ErrorOutcome:
        """What the change does to the error of held-out examples."""
        if not (self.current.has_model and self.mended.has_model):
            return _compared(self.current.has_model - self.mended.has_model, 0.5)
        if self.difference is None or self.standard_error is None or self.current.error is None:
            before, after = self.current.explained or 0.0, self.mended.explained or 0.0
            return _compared(before - after, ROUGHLY)
        slack = max(SIGMAS * self.standard_error, SAME * self.current.error)
        return _compared(self.difference, slack)

    @property
    def helps(self) -> bool:
        """Whether the symptom is gone, or smaller, and the error no worse."""
        return self.outcome in ("gone", "less") and self.error_outcome != "worse"


def _compared(difference: float, slack: float) -> ErrorOutcome:
    if abs(difference) <= slack:
        return "same"
    return "better" if difference < 0 else "worse"
