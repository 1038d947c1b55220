"""Too few steps: so little training that nothing can be learned."""

from latentscape.core.units import count
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom
from latentscape.doctor.symptoms.under_training import ENOUGH_STEPS, FEWEST_STEPS


class FewSteps(Symptom):
    """Epochs of few batches make few steps."""

    key = "few_steps"
    title = "Too few steps"
    about = f"All epochs together take fewer than {FEWEST_STEPS} steps."
    stages = ("before",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the steps."""
        train, steps = patient.recipe.train, int(self.number(patient))
        if steps >= FEWEST_STEPS:
            return None
        each = train.steps_per_epoch(len(patient.split.train))
        return Diagnosis(
            symptom=self.key,
            value=steps,
            threshold=FEWEST_STEPS,
            changes={"train.epochs": -(-ENOUGH_STEPS // each)},
            detail={"epochs": train.epochs, "each": each, "batch": train.examples_per_step},
        )

    def number(self, patient: Patient) -> float:
        """Return how many steps training will take."""
        return patient.recipe.train.steps(len(patient.split.train))

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many there are."""
        return (
            f"{diagnosis.text('epochs')} epochs of {diagnosis.text('each')} steps, "
            f"{count(int(diagnosis.value))} in all"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say why there are so few."""
        return (
            f"Batches of {diagnosis.text('batch')} leave {diagnosis.text('each')} steps in an "
            "epoch of so few examples, and a step is all that a network learns by."
        )


SYMPTOM = FewSteps()
