"""Too few examples to learn anything from."""

from latentscape.core.units import count
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

FEWEST = 50


class FewExamples(Symptom):
    """No network learns what images have in common from a handful."""

    key = "few_examples"
    title = "Too few examples"
    about = f"There are fewer than {FEWEST} training examples."
    stages = ("before",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the training examples."""
        examples = len(patient.split.train)
        if examples >= FEWEST:
            return None
        return Diagnosis(symptom=self.key, value=examples, threshold=FEWEST)

    def number(self, patient: Patient) -> float:
        """Return the number of training examples."""
        return len(patient.split.train)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many there are."""
        return f"{count(int(diagnosis.value))} training examples"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what a network makes of them."""
        return "A network has weights enough to learn so few images by heart, and nothing else."

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say what to do about it."""
        return (
            f"Give it {FEWEST} training examples at least, better some hundred; with fewer, PCA "
            "(latentscape compare shows it) is what can be learned."
        )


SYMPTOM = FewExamples()
