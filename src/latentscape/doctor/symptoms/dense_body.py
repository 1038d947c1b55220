"""A fully connected body for large images."""

import math

from latentscape.config import MlpConfig, Recipe
from latentscape.core.units import count
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import bodies
from latentscape.doctor.symptom import Symptom

WEIGHTS = 20_000_000
"""Weights of one layer: as many as the whole of ResNet-50 has."""

CHANNELS = (32, 64, 64)


class DenseBody(Symptom):
    """Every pixel has a weight to every unit."""

    key = "dense_body"
    title = "Fully connected on large images"
    about = (
        f"The layer between the image and the widest layer next to it has more than {WEIGHTS:,} "
        "weights."
    )
    stages = ("before",)

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether there is a fully connected body."""
        return any(isinstance(body, MlpConfig) for _, body in bodies(recipe))

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the weights next to the image."""
        weights, shape = int(self.number(patient)), patient.split.dataset.shape
        if weights <= WEIGHTS or len(shape) != 3:
            return None
        return Diagnosis(
            symptom=self.key,
            value=weights,
            threshold=WEIGHTS,
            changes=_convolutional(patient.recipe),
            detail={"pixels": math.prod(shape)},
        )

    def number(self, patient: Patient) -> float:
        """Return the number of weights of the largest layer next to the image."""
        widths = [
            body.widths[0 if path == "model.encoder" else -1]
            for path, body in bodies(patient.recipe)
            if isinstance(body, MlpConfig) and body.widths
        ]
        return math.prod(patient.split.dataset.shape) * max(widths, default=0)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many weights there are."""
        return (
            f"{count(int(diagnosis.value))} weights in one layer, for the "
            f"{diagnosis.text('pixels')} values of an image"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say why they are too many."""
        return (
            "Every value of the image has a weight to every unit, so that each place is learned by "
            "itself; a convolution has the same few weights for all places."
        )


def _convolutional(recipe: Recipe) -> dict[str, Setting]:
    """Return settings of convolutional bodies."""
    return {
        setting: value
        for path, body in bodies(recipe)
        if isinstance(body, MlpConfig)
        for setting, value in ((f"{path}.kind", "conv"), (f"{path}.channels", CHANNELS))
    }


SYMPTOM = DenseBody()
