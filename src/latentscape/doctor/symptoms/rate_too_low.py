"""A learning rate at which the loss hardly falls."""

from latentscape.core.units import number, percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.evidence import fall_by_rate
from latentscape.doctor.patient import Patient
from latentscape.doctor.rates import STEPS
from latentscape.doctor.settings import significant
from latentscape.doctor.symptom import Symptom
from latentscape.doctor.symptoms.rate_too_high import LOWER

SHARE = 0.05


class RateTooLow(Symptom):
    """Steps are so short that training ends before the weights have gone anywhere."""

    key = "rate_too_low"
    title = "Learning rate too low"
    about = (
        f"In {STEPS} steps from the initial weights the training loss falls by less than "
        f"{percent(SHARE)} of what it falls by with a higher learning rate."
    )
    stages = ("before",)
    needs = ("model",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare how far the loss falls at several rates."""
        test = patient.rate_test
        share = self.number(patient)
        if test.best_rate <= test.current or not 0 <= share < SHARE:
            return None
        return Diagnosis(
            symptom=self.key,
            value=share,
            threshold=SHARE,
            changes={"train.lr": significant(test.best_rate / LOWER)},
            detail={"rate": test.current, "best": test.best_rate},
            plot=fall_by_rate(test),
        )

    def number(self, patient: Patient) -> float:
        """Return how far the loss falls, as a share of what it could."""
        test = patient.rate_test
        return max(-1.0, test.own_fall / test.best_fall) if test.best_fall > 0 else 1.0

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how little the loss falls."""
        return (
            f"{STEPS} steps at {diagnosis.text('rate', 2)} lower the loss by "
            f"{percent(diagnosis.value)} of what {number(diagnosis.fact('best'), 2)} does"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what short steps do."""
        return "Each step is so short that the weights go nowhere in the steps there are."


SYMPTOM = RateTooLow()
