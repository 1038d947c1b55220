"""Values use only a sliver of their range."""

import numpy as np

from latentscape.core.units import number, percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.examples import sample
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom
from latentscape.doctor.symptoms.values_outside import misread

SHARE = 0.25
TAILS = (0.1, 99.9)
"""Percentiles between which values count: single bright pixels use no range."""


class UnusedRange(Symptom):
    """Images are nearly black, or all of one grey, for the model."""

    key = "unused_range"
    title = "Range hardly used"
    about = (
        f"All but the outermost values of training examples lie within {percent(SHARE)} of the "
        "range that stands for 0 to 1: shares of 1 were declared as grey levels up to 255, or "
        "images are faint."
    )
    stages = ("before",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Measure how much of the range is used."""
        share = self.number(patient)
        return misread(self.key, share, SHARE, patient) if 0 < share < SHARE else None

    def number(self, patient: Patient) -> float:
        """Return the share of the range that values use."""
        low, high = patient.split.dataset.value_range
        start, end = np.percentile(sample(patient.split), TAILS)
        return float((end - start) / (high - low))

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how much is used."""
        ends = [number(diagnosis.fact(name)) for name in ("smallest", "largest", "low", "high")]
        return "values from {} to {} use {} of the range from {} to {}".format(
            *ends[:2], percent(diagnosis.value), *ends[2:]
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the model makes of them."""
        return (
            "Images differ so little on this scale that their differences hardly count in the "
            "loss: the model learns one grey image for all."
        )


SYMPTOM = UnusedRange()
