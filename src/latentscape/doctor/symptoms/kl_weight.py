"""The rate counts too much: summed over the code, against a likelihood averaged over pixels."""

import math

from latentscape.config import Recipe
from latentscape.core.units import number, percent
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.evidence import by_dimension
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

HEAVY = 1.0
"""Times that of the likelihood, as in the evidence lower bound."""

ACTIVE = 0.25
"""Share of the dimensions that a weight may leave active without being too heavy."""

AVERAGED = 3.0
"""Where the ratio of weights is the number of pixels, up to this factor, a mean is the reason."""


class KlWeight(Symptom):
    """The objective asks for a small rate more than for a likely image."""

    key = "kl_weight"
    title = "KL weight too high"
    about = (
        f"Less than {percent(ACTIVE)} of the dimensions of a variational code are active, or it "
        "tells hardly anything, and the rate weighs more than the reconstruction. So it does "
        "where a loss that is averaged over pixels meets a KL divergence that is summed."
    )
    stages = ("during", "after")

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether codes have a posterior."""
        return recipe.model.latent.has_posterior

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare weights, where much of the code is inactive."""
        ratio, active = _ratio(patient.recipe), patient.active
        is_empty = float(active.float().mean()) < ACTIVE or patient.tells_nothing
        if not ratio > HEAVY or not is_empty:
            return None
        return Diagnosis(
            symptom=self.key,
            value=ratio,
            threshold=HEAVY,
            changes=_even(patient.recipe),
            detail={
                "active": int(active.sum()),
                "dim": len(active),
                "pixels": math.prod(patient.split.dataset.shape),
            },
            plot=by_dimension("nats of the rate", patient.rate_per_dim),
        )

    def number(self, patient: Patient) -> float:
        """Return the weight of the rate over that of the reconstruction."""
        return _ratio(patient.recipe)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how much the rate weighs."""
        return (
            f"the rate weighs {number(diagnosis.value, 3)} times as much as the reconstruction, "
            f"and {diagnosis.text('active')} of {diagnosis.text('dim')} dimensions are active"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say where such a weight comes from."""
        pixels = diagnosis.fact("pixels")
        if pixels / AVERAGED < diagnosis.value < pixels * AVERAGED:
            return (
                "The weights differ about as much as an image has pixels: such a recipe averages "
                "the reconstruction over pixels and sums the KL divergence over the code, while "
                "here both are sums already."
            )
        return (
            "A nat of rate costs more than it saves in the reconstruction, so that training "
            "empties the code."
        )


def _ratio(recipe: Recipe) -> float:
    """Return the weight of the rate over that of the reconstruction; 0 without either."""
    weights = recipe.objective.weights
    rate = weights.get("rate", 0.0) + weights.get("total_correlation", 0.0)
    return rate / weights["reconstruction"] if "reconstruction" in weights else 0.0


def _even(recipe: Recipe) -> dict[str, Setting]:
    """Give both terms the weight 1, as in the evidence lower bound."""
    names = ("reconstruction", "rate")
    return {
        f"objective.weights.{name}": 1.0
        for name in names
        if recipe.objective.weights.get(name, 0.0) != 1.0
    }


SYMPTOM = KlWeight()
