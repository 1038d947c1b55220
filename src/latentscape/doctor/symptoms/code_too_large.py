"""A code too large: most of its numbers make no difference."""

import math

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

FEWER = 16
LOSS = 0.02
"""Share by which the error may rise where a code is cut down to one part in `FEWER`."""

SMALLEST = 32
LEARNED = 0.3
"""Share of the variance of pixels that a model explains from which on its code says anything."""


class CodeTooLarge(Symptom):
    """Codes lie in a space of far fewer dimensions than they have numbers."""

    key = "code_too_large"
    title = "Code too large"
    about = (
        f"One principal component for {FEWER} numbers of the code reconstructs held-out images as "
        f"well, to {percent(LOSS)} of the error, in a code of {SMALLEST} numbers or more; or a "
        "code that nothing but the reconstruction shapes has more numbers than an example."
    )

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether codes are numbers between which something lies."""
        return not recipe.model.latent.quantises

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Reconstruct with the first principal components of codes alone."""
        dim, error = patient.model.latent.dim, patient.held_out.error
        if dim < SMALLEST or patient.explained < LEARNED:
            return None
        few = dim // FEWER
        fits = patient.error_with_components(few) < (1 + LOSS) * error
        if not fits and not _is_overcomplete(patient):
            return None
        sizes = [1 << power for power in range(dim.bit_length()) if 1 << power <= dim]
        errors = [patient.error_with_components(size) for size in sizes]
        enough = [s for s, e in zip(sizes, errors, strict=True) if e < (1 + LOSS) * error]
        needed = min(enough, default=dim)
        return Diagnosis(
            symptom=self.key,
            value=needed / dim,
            threshold=1 / FEWER if fits else 1.0,
            changes={"model.latent.dim": max(2, 2 * needed)},
            detail={"dim": dim, "needed": needed, "error": error},
            plot=Plot(
                x_label="principal components of the code",
                y_label="squared error per pixel",
                lines=(curve("error", errors, sizes),),
            ),
        )

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many numbers would do."""
        return (
            f"{diagnosis.text('needed')} principal components of {diagnosis.text('dim')} numbers "
            f"reconstruct as well, with an error of {diagnosis.text('error')}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the other numbers do."""
        return (
            "These images differ in less than what the code has room for: its other numbers are "
            "sums of the first, and cost memory and time."
        )


def _is_overcomplete(patient: Patient) -> bool:
    """Whether a code that nothing but the reconstruction shapes has more numbers than an image."""
    is_plain = set(patient.recipe.objective.weights) == {"reconstruction"}
    is_plain = is_plain and patient.recipe.model.corruption is None
    return is_plain and patient.model.latent.dim > math.prod(patient.split.dataset.shape)


SYMPTOM = CodeTooLarge()
