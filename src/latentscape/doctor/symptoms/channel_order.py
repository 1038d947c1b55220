"""Channels last that were read as channels first."""

import math

import numpy as np

from latentscape.core.records import Array
from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.evidence import images_of
from latentscape.doctor.examples import scaled_sample
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

RATIO = 2.0
COLOURS = (3, 4)
MAX_IMAGES = 200


class ChannelOrder(Symptom):
    """Pixels of one colour are not where the model looks for them."""

    key = "channel_order"
    title = "Channels last read as first"
    about = (
        f"Neighbouring pixels differ more than {RATIO:g} times as much as they would if the same "
        "values were read with the channels last."
    )
    stages = ("before",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare how rough images are under both readings."""
        ratio = self.number(patient)
        if ratio is None or not ratio > RATIO:
            return None
        images = scaled_sample(patient.split, most=MAX_IMAGES)
        return Diagnosis(
            symptom=self.key,
            value=ratio,
            threshold=RATIO,
            detail={"shape": " x ".join(map(str, images.shape[1:]))},
            strips=images_of(
                ("as they were read", images), ("with the channels last", _channels_last(images))
            )
            if images.shape[1] in COLOURS
            else (),
        )

    def number(self, patient: Patient) -> float | None:
        """Return how much rougher images are than under the other reading."""
        shape = patient.split.dataset.shape
        if len(shape) != 3 or min(shape) < 2 or not {shape[0], shape[2]}.intersection(COLOURS):
            return None
        images = scaled_sample(patient.split, most=MAX_IMAGES)
        return _roughness(images) / max(_roughness(_channels_last(images)), 1e-12)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how rough images are."""
        return (
            f"neighbouring pixels of {diagnosis.text('shape')} images differ "
            f"{number(diagnosis.value, 2)} times as much as with the channels last"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what happened to the values."""
        return (
            "The values of a pixel stand beside each other in the data, and were read as pixels "
            "that lie beside each other."
        )

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say how to read them."""
        return (
            "Give arrays with all four axes, (N, H, W, C) or (N, C, H, W), which are told apart; "
            "in Python, images.reshape(-1, height, width, channels)."
        )


def _channels_last(images: Array) -> Array:
    """Read images (n, C, H, W) as if their channels were last."""
    n, first, middle, last = images.shape
    if last in COLOURS and first not in COLOURS:
        return images.transpose(0, 3, 1, 2)
    return images.reshape(n, middle, last, first).transpose(0, 3, 1, 2)


def _roughness(images: Array) -> float:
    """Return the mean square of differences between neighbouring pixels, over the variance."""
    squares = [np.square(np.diff(images, axis=axis)).mean() for axis in (2, 3)]
    return float(math.fsum(squares) / max(float(images.var()), 1e-12))


SYMPTOM = ChannelOrder()
