"""Posterior collapse: no dimension of a variational code moves with the image."""

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.evidence import by_dimension
from latentscape.doctor.patient import TELLING, Patient
from latentscape.doctor.settings import significant
from latentscape.doctor.symptom import Symptom
from latentscape.model.latents import ACTIVE_VARIANCE

SHARPER = 10
"""The variance that is advised is so many times smaller than that of the pixels themselves."""


class PosteriorCollapse(Symptom):
    """Every posterior is the prior, and the decoder gives the same image for all of them."""

    key = "posterior_collapse"
    title = "Posterior collapse"
    about = (
        "No dimension of a variational code is active: the variance of its mean over the images is "
        f"below {ACTIVE_VARIANCE:g} (Burda et al. 2016); or codes lower the error by less than "
        f"{percent(TELLING)} of what it is where all of them are replaced by their mean."
    )
    stages = ("during", "after")

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether codes have a posterior."""
        return recipe.model.latent.has_posterior

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the active dimensions."""
        active, dim = int(patient.active.sum()), len(patient.active)
        if not patient.tells_nothing:
            return None
        likelihood = patient.recipe.model.likelihood
        return Diagnosis(
            symptom=self.key,
            value=patient.code_gain,
            threshold=TELLING,
            changes={
                "model.likelihood.kind": "gaussian",
                "model.likelihood.variance": significant(patient.mean_image_error / SHARPER),
            },
            detail={"active": active, "dim": dim, "likelihood": likelihood.kind},
            plot=by_dimension("nats of the rate", patient.rate_per_dim),
        )

    def number(self, patient: Patient) -> float:
        """Return the share of the error that codes take away."""
        return patient.code_gain

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many dimensions are active."""
        return (
            f"{diagnosis.text('active')} of {diagnosis.text('dim')} dimensions are active, and the "
            f"code lowers the error by {percent(max(0.0, diagnosis.value))}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say that detail costs more than it gains."""
        return (
            "What the code would tell of an image costs more nats of rate than it saves in the "
            f"{diagnosis.text('likelihood')} likelihood, so that the code tells nothing."
        )


SYMPTOM = PosteriorCollapse()
