"""The same images again and again, or in the parts that scores are of."""

import math

from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.examples import digests
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SHARE = 0.02
MAX_EXAMPLES = 100_000
FEWEST_VALUES = 16
"""Values of an example below which different ones are equal by chance."""


class Duplicates(Symptom):
    """Scores are of images that were learned by heart."""

    key = "duplicates"
    title = "Duplicated images"
    about = (
        f"More than {percent(SHARE)} of the validation or the test examples are also training "
        "examples, bit for bit, or as many training examples stand there twice."
    )
    stages = ("before",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count equal examples in the training part, and across parts."""
        shares = _shares(patient)
        part, share = max(shares.items(), key=lambda item: item[1], default=("", 0.0))
        if not share > SHARE:
            return None
        return Diagnosis(
            symptom=self.key, value=share, threshold=SHARE, detail={"part": part, **shares}
        )

    def number(self, patient: Patient) -> float:
        """Return the largest of the shares."""
        return max(_shares(patient).values(), default=0.0)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say where the duplicates are."""
        share, part = percent(diagnosis.value), diagnosis.text("part")
        if part == "train":
            return f"{share} of the training examples are there more than once"
        return f"{share} of the {part} examples are training examples, too"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what they do."""
        if diagnosis.text("part") == "train":
            return "The data hold copies, which count several times in training and in scores."
        return (
            "The data hold copies, which a random split has put into several parts: scores are "
            "partly of images that the model was trained on."
        )

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say what to do with them."""
        return "Take copies out of the data before they are split."


def _shares(patient: Patient) -> dict[str, float]:
    """Return the share of duplicates by part."""
    split = patient.split
    if math.prod(split.dataset.shape) < FEWEST_VALUES:
        return {}
    train = list(digests(split, split.subset("train", MAX_EXAMPLES)))
    known = set(train)
    shares = {"train": 1 - len(known) / len(train)}
    for part in ("validation", "test"):
        own = list(digests(split, split.subset(part, MAX_EXAMPLES)))
        if own:
            shares[part] = sum(digest in known for digest in own) / len(own)
    return shares


SYMPTOM = Duplicates()
