"""Values outside of the range that stands for 0 to 1."""

import numpy as np

from latentscape.core.units import number, percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.examples import sample
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SHARE = 1e-3

CUSTOMARY = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 4095.0), (0.0, 65535.0))
"""Ranges that values are usually on."""


class ValuesOutside(Symptom):
    """Values lie where no output of the model should be, or can be."""

    key = "values_outside"
    title = "Values outside of the range"
    about = (
        f"More than {percent(SHARE)} of the values of training examples are outside of the range "
        "that stands for 0 to 1: grey levels up to 255 were declared as shares of 1, or values "
        "were standardised."
    )
    stages = ("before",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the values that are outside."""
        share = self.number(patient)
        return misread(self.key, share, SHARE, patient) if share > SHARE else None

    def number(self, patient: Patient) -> float:
        """Return the share of values that are outside."""
        values, (low, high) = sample(patient.split), patient.split.dataset.value_range
        slack = 1e-5 * (high - low)
        return float(((values < low - slack) | (values > high + slack)).mean())

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how far values go."""
        ends = [number(diagnosis.fact(name)) for name in ("smallest", "largest", "low", "high")]
        return "{} of the values, which go from {} to {}, are outside of {} to {}".format(
            percent(diagnosis.value), *ends
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the model makes of them."""
        return (
            "The range says which stored values stand for 0 and 1, and likelihoods, corruptions "
            "and scores expect most values between: these data were stored on another scale."
        )


def misread(key: str, share: float, threshold: float, patient: Patient) -> Diagnosis:
    """Return the diagnosis of values that do not suit their range, and the range that suits."""
    values, (low, high) = sample(patient.split), patient.split.dataset.value_range
    smallest, largest = float(values.min()), float(values.max())
    return Diagnosis(
        symptom=key,
        value=share,
        threshold=threshold,
        changes={"data.range": fitting_range(smallest, largest)},
        detail={"low": low, "high": high, "smallest": smallest, "largest": largest},
    )


def fitting_range(smallest: float, largest: float) -> tuple[float, float]:
    """Return the customary range that values fill, or else the smallest and the largest of them."""
    for low, high in CUSTOMARY:
        if low <= smallest and largest <= high and largest - smallest > (high - low) / 2:
            return low, high
    return float(np.floor(1e4 * smallest) / 1e4), float(np.ceil(1e4 * largest) / 1e4)


SYMPTOM = ValuesOutside()
