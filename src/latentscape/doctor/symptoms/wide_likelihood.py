"""A likelihood that expects more noise than the images have variance."""

from latentscape.config import Recipe
from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.examples import scaled_sample
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import significant
from latentscape.doctor.symptom import Symptom

RATIO = 1.0
NARROWER = 10.0


class WideLikelihood(Symptom):
    """All that images differ in passes for noise, and a code is not worth its rate."""

    key = "wide_likelihood"
    title = "Likelihood too wide"
    about = (
        "A variational model has a Gaussian likelihood with a fixed variance that is larger than "
        "the variance of the pixels themselves."
    )
    stages = ("before",)

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether a fixed variance stands against a rate."""
        fixed = getattr(recipe.model.likelihood, "variance", "learned") != "learned"
        return recipe.model.latent.has_posterior and fixed

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare the variance of the likelihood with that of pixels."""
        ratio = self.number(patient)
        if not ratio > RATIO:
            return None
        variance = _variance(patient)
        return Diagnosis(
            symptom=self.key,
            value=ratio,
            threshold=RATIO,
            changes={"model.likelihood.variance": significant(variance / NARROWER)},
            detail={"own": ratio * variance, "pixels": variance},
        )

    def number(self, patient: Patient) -> float:
        """Return the variance of the likelihood over that of pixels."""
        own = float(getattr(patient.recipe.model.likelihood, "variance", 0.0))
        return own / max(_variance(patient), 1e-12)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say what both variances are."""
        return (
            f"the Gaussian likelihood has variance {diagnosis.text('own', 2)}, "
            f"{number(diagnosis.value, 2)} times that of pixels, {diagnosis.text('pixels', 2)}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what that leads to."""
        return (
            "All that tells one image from another passes for noise: a code gains less in the "
            "likelihood than it costs in the rate, and collapses."
        )


def _variance(patient: Patient) -> float:
    """Return the mean variance of a pixel over training examples, on the scale 0 to 1."""
    return float(scaled_sample(patient.split).var(0).mean())


SYMPTOM = WideLikelihood()
