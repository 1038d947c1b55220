"""Images that are all of one grey."""

import numpy as np

from latentscape.core.records import Array
from latentscape.core.units import count, percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.examples import scaled_sample
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SHARE = 0.01
FLAT = 0.005
"""Standard deviation of the values of an example, as a share of the range, that is nothing."""


class ConstantImages(Symptom):
    """Some examples show nothing: blank scans, failed downloads, padding."""

    key = "constant_images"
    title = "Constant images"
    about = (
        f"More than {percent(SHARE)} of the training examples are constant: the standard deviation "
        f"of their values is below {percent(FLAT)} of what is usual among them."
    )
    stages = ("before",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count constant examples."""
        flat = self._flat(patient)
        if not flat.mean() > SHARE:
            return None
        places = np.flatnonzero(flat)
        return Diagnosis(
            symptom=self.key,
            value=float(flat.mean()),
            threshold=SHARE,
            detail={"count": len(places), "of": len(flat)},
        )

    def number(self, patient: Patient) -> float:
        """Return the share of constant examples."""
        return float(self._flat(patient).mean())

    @staticmethod
    def _flat(patient: Patient) -> Array:
        deviations = scaled_sample(patient.split).reshape(-1, _size(patient)).std(1)
        return np.asarray(deviations <= FLAT * np.median(deviations))

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many there are."""
        return (
            f"{diagnosis.text('count')} of {count(int(diagnosis.fact('of')))} training examples "
            "that were looked at"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what they do."""
        return (
            "Blank scans, failed downloads or padding are among the examples: they pull the model "
            "to a grey image, and make scores look better than they are."
        )

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say what to do with them."""
        return "Take them out of the data."


def _size(patient: Patient) -> int:
    return int(np.prod(patient.split.dataset.shape))


SYMPTOM = ConstantImages()
