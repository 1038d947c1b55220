"""A learning rate at which the loss does not fall."""

import math

from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.evidence import fall_by_rate
from latentscape.doctor.patient import Patient
from latentscape.doctor.rates import STEPS
from latentscape.doctor.settings import significant
from latentscape.doctor.symptom import Symptom

TIMES = 30.0
"""Times the rate at which the loss fell most: up to ten times are made up for by a warm-up and by
a schedule that falls."""

LOWER = 3.0
"""The rate that is advised is so many times below the one at which the loss fell most."""


class RateTooHigh(Symptom):
    """Steps are so long that they climb out of the valley that they should go down."""

    key = "rate_too_high"
    title = "Learning rate too high"
    about = (
        f"In {STEPS} steps from the initial weights the training loss rises, or becomes infinite, "
        "with the learning rate of the recipe, and falls most with one that is more than "
        f"{TIMES:g} times lower."
    )
    stages = ("before",)
    needs = ("model",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare how far the loss falls at several rates."""
        test = patient.rate_test
        ratio = test.current / test.best_rate
        if test.own_fall > 0 or test.best_fall <= 0 or not ratio > TIMES:
            return None
        return Diagnosis(
            symptom=self.key,
            value=ratio,
            threshold=TIMES,
            changes={"train.lr": significant(test.best_rate / LOWER)},
            detail={
                "infinite": math.isinf(test.own_fall),
                "rate": test.current,
                "best": test.best_rate,
            },
            plot=fall_by_rate(test),
        )

    def number(self, patient: Patient) -> float:
        """Return how many times the rate is that at which the loss falls most."""
        return patient.rate_test.current / patient.rate_test.best_rate

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say what the rate does."""
        what = "becomes infinite" if diagnosis.fact("infinite") else "rises"
        return (
            f"the loss {what} within {STEPS} steps at {number(diagnosis.fact('rate'), 2)}, and "
            f"falls most at {number(diagnosis.fact('best'), 2)}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what long steps do."""
        return "Each step is so long that it ends higher than it began."


SYMPTOM = RateTooHigh()
