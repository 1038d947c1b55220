"""Some dimensions of a variational code are not used."""

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.evidence import by_dimension
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SHARE = 0.25
"""Variational models of digits use a third of 50 dimensions, which costs them nothing."""


class InactiveDimensions(Symptom):
    """Most of the posterior is the prior."""

    key = "inactive_dimensions"
    title = "Most dimensions collapsed"
    about = f"Less than {percent(SHARE)} of the dimensions of a variational code are active."

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether codes have a posterior."""
        return recipe.model.latent.has_posterior

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the active dimensions."""
        active, dim = int(patient.active.sum()), len(patient.active)
        if not 0 < active < SHARE * dim:
            return None
        return Diagnosis(
            symptom=self.key,
            value=active / dim,
            threshold=SHARE,
            changes={"model.latent.dim": 2 * active},
            detail={"active": active, "dim": dim},
            plot=by_dimension("nats of the rate", patient.rate_per_dim),
        )

    def number(self, patient: Patient) -> float:
        """Return the share of the dimensions that are active."""
        return float(patient.active.float().mean())

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many dimensions are active."""
        return f"{diagnosis.text('active')} of {diagnosis.text('dim')} dimensions are active"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say why others stay empty."""
        return (
            "The code is longer than what it is worth to tell of these images: more dimensions "
            "would cost more rate than they save in the reconstruction."
        )


SYMPTOM = InactiveDimensions()
