"""Codes of images lie where the prior has nothing, so that samples of it are none of the data."""

from latentscape.config import TERMS, Recipe
from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnosis, Plot, Setting
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

RATIO = 1.5


class PriorScale(Symptom):
    """Codes are much wider, or narrower, than the prior that samples are drawn from."""

    key = "prior_scale"
    title = "Codes off the scale of the prior"
    about = (
        "The root mean square of the numbers of codes, drawn as in training, is more than "
        f"{RATIO:g} times that of N(0, I), or that is more than {RATIO:g} times theirs."
    )

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether codes are drawn towards N(0, I)."""
        matched = any(TERMS[name].matches_prior for name in recipe.objective.weights)
        return recipe.model.latent.has_standard_prior or (
            matched and not recipe.model.latent.has_prior
        )

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Measure the scale of codes."""
        scales, scale = patient.code_scales, self.number(patient)
        if 1 / RATIO <= scale <= RATIO:
            return None
        return Diagnosis(
            symptom=self.key,
            value=scale,
            threshold=RATIO if scale > 1 else 1 / RATIO,
            changes=_heavier(patient.recipe, scale),
            plot=Plot(
                x_label="dimension, the widest first",
                y_label="root mean square of a code",
                lines=(
                    curve("codes", scales.sort(descending=True).values.tolist()),
                    curve("prior", [1.0] * len(scales)),
                ),
            ),
        )

    def number(self, patient: Patient) -> float:
        """Return the scale of codes."""
        return float(patient.code_scales.square().mean().sqrt())

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how wide codes are."""
        return f"codes are {number(diagnosis.value, 3)} times as wide as the prior"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what holds codes to the prior."""
        weight = "little" if diagnosis.value > 1 else "much"
        return (
            f"What holds codes to the prior weighs too {weight}, so that codes drawn from N(0, I) "
            "are not those of images, and samples look like none."
        )


def _heavier(recipe: Recipe, scale: float) -> dict[str, Setting]:
    """Return another weight of what matches codes to the prior."""
    weights = recipe.objective.weights
    if "rate" in weights and weights.get("reconstruction"):
        return {"objective.weights.rate": weights["reconstruction"]}
    names = [name for name in weights if TERMS[name].matches_prior or name == "capacity"]
    factor = 10.0 if scale > 1 else 0.1
    return {f"objective.weights.{name}": weights[name] * factor for name in names}


SYMPTOM = PriorScale()
