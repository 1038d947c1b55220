"""Most vectors of a codebook are never chosen."""

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

SHARE = 0.1
REVIVE = 0.1
"""Share of an even use below which recipes replace a vector."""


class CodebookUnused(Symptom):
    """The information that codes hold is that of a far smaller codebook."""

    key = "codebook_unused"
    title = "Codebook unused"
    about = (
        "The perplexity of a codebook, the number of vectors that would hold as much were they "
        f"chosen evenly, is below {percent(SHARE)} of its vectors."
    )
    stages = ("during", "after")

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether codes are made of the vectors of a codebook."""
        return recipe.model.latent.quantises

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Measure the perplexity."""
        latent = patient.recipe.model.latent
        use, codes = patient.code_use, latent.codebook_size
        share = self.number(patient)
        if not share < SHARE:
            return None
        power = 1 << max(1, round(2 * use["perplexity"]) - 1).bit_length()
        changes: dict[str, Setting] = {"model.latent.codes": power}
        if getattr(latent, "revive_below", REVIVE) < REVIVE:
            changes = {"model.latent.revive_below": REVIVE}
        return Diagnosis(
            symptom=self.key,
            value=share,
            threshold=SHARE,
            changes=changes,
            detail={"codes": codes, "used": int(use["codes_used"]), "worth": use["perplexity"]},
        )

    def number(self, patient: Patient) -> float:
        """Return the perplexity as a share of the codebook."""
        return patient.code_use["perplexity"] / patient.recipe.model.latent.codebook_size

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how much of the codebook is used."""
        return (
            f"{diagnosis.text('used')} of {diagnosis.text('codes')} vectors are chosen, "
            f"worth {diagnosis.text('worth')} that are chosen evenly"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say why the others stay unused."""
        if "model.latent.revive_below" in diagnosis.changes:
            return (
                "A vector that nothing has chosen does not move, so that it is never chosen; "
                "nothing revives it here."
            )
        return "So many vectors are more than what encodings of these images can be told apart by."


SYMPTOM = CodebookUnused()
