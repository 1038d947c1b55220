"""Training will take hours on this machine."""

from latentscape.core.units import count, duration
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SECONDS = 3 * 3600.0


class LongTraining(Symptom):
    """Nobody waits that long for a first result."""

    key = "long_training"
    title = "Long training"
    about = f"All steps will take more than {duration(SECONDS)} on this machine."
    stages = ("before",)
    needs = ("model",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Time a few steps."""
        plan = patient.plan
        if not plan.seconds > SECONDS:
            return None
        return Diagnosis(
            symptom=self.key,
            value=plan.seconds,
            threshold=SECONDS,
            detail={"steps": plan.steps, "each": plan.seconds / plan.steps},
        )

    def number(self, patient: Patient) -> float:
        """Return the seconds that training will take."""
        return patient.plan.seconds

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how long."""
        each = duration(diagnosis.fact("each"))
        steps = count(int(diagnosis.fact("steps")))
        return f"{steps} steps of {each}, {duration(diagnosis.value)} in all"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what takes the time."""
        return "The network, the images or their number are large for this machine."

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say what makes it shorter."""
        return (
            "Train on a GPU (--device cuda), on fewer examples (--train), on smaller images "
            "(--resize), or with narrower layers."
        )


SYMPTOM = LongTraining()
