"""Held-out examples are not what the training examples are: inverted, or with other channels."""

from collections.abc import Callable

import numpy as np

from latentscape.config import Recipe
from latentscape.core.records import Array
from latentscape.core.units import number, percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.evidence import images_of
from latentscape.doctor.examples import scaled_sample
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SHARE = 0.3
"""Share of the variance of pixels by which the mean image of a part may be off."""

EXPLAINS = 0.25
"""Share of a difference that is left where it is explained."""

FEWEST = 20

READINGS: dict[str, Callable[[Array], Array]] = {
    "inverted": lambda mean: 1 - mean,
    "with the channels in reverse order": lambda mean: mean[::-1],
    "255 times as large": lambda mean: mean / 255,
    "a 255th as large": lambda mean: mean * 255,
}
"""What another part may be, and how to get back from it."""


class PartsDiffer(Symptom):
    """A part was read, or made, in another way than the training part."""

    key = "parts_differ"
    title = "Parts differ"
    about = (
        "The mean image of the validation or the test part differs from that of the training part "
        f"by more than {percent(SHARE)} of the variance of pixels: one of them is inverted, on "
        "another scale, or has its channels in another order."
    )
    stages = ("before",)

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether parts should look alike: not where some labels alone are trained on."""
        return recipe.data.train_labels is None

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare mean images, and try readings that would explain a difference."""
        part, value = self._worst(patient)
        if not value > SHARE:
            return None
        train, other = (scaled_sample(patient.split, name) for name in ("train", part))
        return Diagnosis(
            symptom=self.key,
            value=value,
            threshold=SHARE,
            detail={"part": part, "reading": _explained(train.mean(0), other.mean(0))},
            strips=images_of(("training images", train), (f"{part} images", other)),
        )

    def number(self, patient: Patient) -> float:
        """Return how far the mean image of a part is off, as a share of the variance."""
        return self._worst(patient)[1]

    def _worst(self, patient: Patient) -> tuple[str, float]:
        split = patient.split
        parts = [name for name in ("validation", "test") if split.sizes[name] >= FEWEST]
        train = scaled_sample(split)
        offs = {name: _off(train, scaled_sample(split, name)) for name in parts}
        return max(offs.items(), key=lambda item: item[1], default=("", 0.0))

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say which part differs, and how."""
        off = number(diagnosis.value, 2)
        way = diagnosis.text("reading")
        return (
            f"the mean image of the {diagnosis.text('part')} part is off by {off} times the "
            f"variance of pixels{f': it looks {way}' if way else ''}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say where such a difference comes from."""
        return (
            "The parts were made or read in different ways, so that the model is tested on images "
            "of another kind than it learns."
        )

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say what to do."""
        return (
            f"Bring the {diagnosis.text('part')} part to the form of the training part, or split "
            "the examples anew at random."
        )


def _off(train: Array, other: Array) -> float:
    """Return the squared difference of mean images over the variance, less what chance makes."""
    variance = max(float(train.var(0).mean()), 1e-12)
    off = float(np.square(train.mean(0) - other.mean(0)).mean())
    return max(0.0, off / variance - 1 / len(train) - 1 / len(other))


def _explained(train: Array, other: Array) -> str:
    """Return the reading that explains most of a difference; nothing where none does."""
    whole = np.square(train - other).mean()
    left = {name: np.square(train - back(other)).mean() for name, back in READINGS.items()}
    best = min(left, key=lambda name: left[name])
    return best if left[best] < EXPLAINS * whole else ""


SYMPTOM = PartsDiffer()
