"""Classes of very different sizes."""

import numpy as np

from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

RATIO = 10.0


class Imbalance(Symptom):
    """The mean over all examples says nothing of the rare ones."""

    key = "imbalance"
    title = "Class imbalance"
    about = (
        f"The most frequent label has more than {RATIO:g} times as many training examples as the "
        "rarest one that has any."
    )
    stages = ("before",)
    needs = ("labels",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare the numbers of examples."""
        counts, ratio = _counts(patient), self.number(patient)
        if not ratio > RATIO:
            return None
        names = patient.split.dataset.label_names
        order = sorted(counts, key=lambda label: -counts[label])
        return Diagnosis(
            symptom=self.key,
            value=ratio,
            threshold=RATIO,
            detail={
                "rarest": names[order[-1]],
                "few": counts[order[-1]],
                "commonest": names[order[0]],
                "many": counts[order[0]],
            },
            plot=Plot(
                x_label="label, the most frequent first",
                y_label="training examples",
                lines=(curve("training examples", [counts[label] for label in order]),),
            ),
        )

    def number(self, patient: Patient) -> float:
        """Return how many times more frequent the most frequent label is than the rarest."""
        counts = _counts(patient).values()
        return max(counts) / min(counts)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say which labels differ."""
        return (
            f"{diagnosis.text('many')} training examples of {diagnosis.text('commonest')}, "
            f"{diagnosis.text('few')} of {diagnosis.text('rarest')}, "
            f"{number(diagnosis.value, 2)} times fewer"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what that does."""
        return (
            "The loss is a mean over examples, so that the model learns the frequent images first "
            "and the rare ones hardly; means over all examples do not show it."
        )

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say what to do about it."""
        return (
            "Add examples of the rare labels, or take fewer of the frequent ones; read scores by "
            "class, which the report has."
        )


def _counts(patient: Patient) -> dict[int, int]:
    """Return the number of training examples of each label that has any."""
    labels = patient.split.dataset.labels
    assert labels is not None
    values, counts = np.unique(labels[patient.split.train], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


SYMPTOM = Imbalance()
