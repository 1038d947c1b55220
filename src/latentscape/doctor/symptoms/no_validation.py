"""Nothing is held out."""

from latentscape.config import Recipe, load_recipe, recipe_names
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SHARE = 0.1


class NoValidation(Symptom):
    """Nobody sees when the model begins to learn single images by heart."""

    key = "no_validation"
    title = "No validation examples"
    about = (
        "No example is held out to watch training, and to choose the best weights by, in a recipe "
        "that was not published so."
    )
    stages = ("before",)

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether examples should be held out: not where a recipe was published without."""
        is_shipped = recipe.name in recipe_names()
        return not is_shipped or load_recipe(recipe.name).data.validation > 0

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the validation examples."""
        if len(patient.split.validation):
            return None
        changes = {"data.validation": SHARE}
        return Diagnosis(symptom=self.key, value=0, threshold=1, changes=changes)

    def number(self, patient: Patient) -> float:
        """Return the number of validation examples."""
        return len(patient.split.validation)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say that there is none."""
        return "all examples are trained or tested on"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what is missing."""
        return (
            "Over-fitting, the best epoch and most other symptoms show on examples that no step "
            "has trained on, and that the test does not need."
        )


SYMPTOM = NoValidation()
