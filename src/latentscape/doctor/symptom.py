"""What a symptom is: how it is looked for, and how people read of it."""

from typing import TYPE_CHECKING, ClassVar, Literal

from latentscape.doctor.diagnosis import Diagnosis, TrainingStage

if TYPE_CHECKING:
    from latentscape.config import Recipe
    from latentscape.doctor.patient import Patient

Need = Literal["validation", "labels", "history", "input", "model"]
"""What a patient may lack: held-out examples, labels, the epochs of its training; or an input that
its recipe can take, and a model for it, where settings and data do not go together."""


class Symptom:
    """A symptom: one module with one subclass, and a line in the registry.

    Attributes
    ----------
    key : str
        Its name among findings.
    title : str
        What people call it.
    about : str
        How it shows, and what is measured: a sentence for the documents.
    stages : tuple of str
        When it can be seen.
    needs : tuple of str
        What it cannot be looked for without.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    stages: ClassVar[tuple[TrainingStage, ...]] = ("after",)
    needs: ClassVar[tuple[Need, ...]] = ()

    def applies_to(self, recipe: "Recipe") -> bool:
        """Whether a model of the recipe can have it."""
        return True

    def examine(self, patient: "Patient") -> Diagnosis | None:
        """Look for it; None where the patient is healthy."""
        raise NotImplementedError

    def number(self, patient: "Patient") -> float | None:
        """Return what is measured of it, of a healthy patient too; None where nothing can be."""
        diagnosis = self.examine(patient)
        return None if diagnosis is None else diagnosis.value

    def can_examine(self, patient: "Patient") -> bool:
        """Whether a patient can have it, and has all that it cannot be looked for without."""
        return self.applies_to(patient.recipe) and all(map(patient.has, self.needs))

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say in a few words what was measured, and from where on it is a symptom."""
        raise NotImplementedError

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say in one sentence what causes it."""
        raise NotImplementedError

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say in one sentence what to do where no setting mends it."""
        return ""
