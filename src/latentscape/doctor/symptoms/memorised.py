"""Memorised training images: new images are reconstructed as old ones."""

import torch

from latentscape.core.units import number, percent
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.evidence import rows_of_images
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

RATIO = 3.0
SHARE = 0.25
SHOWN = 8
NOISE = 0.2
"""Standard deviation of noise by which images are no longer known, and still told apart."""


class Memorised(Symptom):
    """The model knows its training images by heart, and makes new ones of them."""

    key = "memorised"
    title = "Memorised training images"
    about = (
        f"The error of held-out images is more than {RATIO:g} times that of training images, and "
        f"more than {percent(SHARE)} of their reconstructions are nearer to a training image than "
        "to the image itself."
    )
    needs = ("validation",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare errors, and look for the nearest training image of each reconstruction."""
        held_out, trained = patient.held_out, patient.trained
        ratio = self.number(patient)
        if not ratio > RATIO:
            return None
        known = patient.all_trained.flatten(1)
        own = (held_out.reconstructions - held_out.images).flatten(1).norm(dim=1)
        distances, nearest = torch.cdist(held_out.reconstructions.flatten(1), known).min(1)
        share = float((distances < own).float().mean())
        if not share > SHARE:
            return None
        shown = (distances - own).argsort()[:SHOWN]
        return Diagnosis(
            symptom=self.key,
            value=ratio,
            threshold=RATIO,
            changes=_noisier(patient),
            detail={
                "share": share,
                "error": held_out.error,
                "trained": trained.error,
                "n": len(patient.split.train),
            },
            strips=rows_of_images(
                ("held-out images", held_out.images[shown]),
                ("their reconstructions", held_out.reconstructions[shown]),
                ("nearest training images", patient.all_trained[nearest[shown]]),
            ),
        )

    def number(self, patient: Patient) -> float:
        """Return the error of held-out images over that of training images."""
        return patient.held_out.error / max(patient.trained.error, 1e-12)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many reconstructions are training images."""
        return (
            f"{percent(diagnosis.fact('share'))} of reconstructions are nearer to a training image "
            f"than to their own, whose error is {number(diagnosis.value, 3)} times as large as in "
            "training"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say why it can."""
        return (
            f"The model has weights enough to keep each of {diagnosis.text('n')} training images "
            "and was trained until it did, so that it has no need of what images have in common."
        )


def _noisier(patient: Patient) -> dict[str, Setting]:
    """Return noise on what the encoder sees, more where there is some already."""
    corruption = patient.recipe.model.corruption
    amount = NOISE if corruption is None else min(1.0, 2 * corruption.amount)
    kind = "gaussian" if corruption is None else corruption.kind
    return {"model.corruption.kind": kind, "model.corruption.amount": amount}


SYMPTOM = Memorised()
