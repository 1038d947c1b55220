"""Blur: the likelihood allows for more noise than there is."""

from torch import Tensor

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.evidence import rows_of_images
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import significant
from latentscape.doctor.symptom import Symptom

SHARP = 0.5
WIDER = 4.0
SHOWN = 8


class Blur(Symptom):
    """Edges are soft, because the likelihood takes detail for noise."""

    key = "blur"
    title = "Blur"
    about = (
        f"Differences of neighbouring pixels are less than {percent(SHARP)} of those of images, in "
        "a variational model whose Gaussian likelihood has a fixed variance that is more than "
        f"{WIDER:g} times the squared error."
    )

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether a fixed variance stands against a rate."""
        likelihood = recipe.model.likelihood
        fixed = getattr(likelihood, "variance", "learned") != "learned"
        return recipe.model.latent.has_posterior and fixed

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare differences of neighbouring pixels, and the variance with the error."""
        whole = patient.held_out
        variance = float(getattr(patient.recipe.model.likelihood, "variance", 0.0))
        if whole.images.ndim != 4 or not variance > WIDER * whole.error:
            return None
        sharp = self.number(patient) or 0.0
        if not sharp < SHARP:
            return None
        return Diagnosis(
            symptom=self.key,
            value=sharp,
            threshold=SHARP,
            changes={"model.likelihood.variance": significant(whole.error / 2)},
            detail={"variance": variance, "error": whole.error},
            strips=rows_of_images(
                ("images", whole.images[:SHOWN]),
                ("their reconstructions", whole.reconstructions[:SHOWN]),
            ),
        )

    def number(self, patient: Patient) -> float | None:
        """Return the share of the edges that reconstructions keep; None of plain vectors."""
        whole = patient.held_out
        if whole.images.ndim != 4:
            return None
        return _edges(whole.reconstructions) / max(_edges(whole.images), 1e-12)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how soft edges are."""
        return f"edges of reconstructions have {percent(diagnosis.value)} of those of images"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the likelihood takes for noise."""
        return (
            f"The Gaussian likelihood expects noise of variance {diagnosis.text('variance', 2)} "
            f"where the error is {diagnosis.text('error', 2)}: fine detail gains less than "
            "the rate that it costs."
        )


def _edges(images: Tensor) -> float:
    """Return the mean square of differences between neighbouring pixels."""
    down, right = images.diff(dim=2), images.diff(dim=3)
    return float(down.square().mean() + right.square().mean())


SYMPTOM = Blur()
