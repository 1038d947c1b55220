"""A code too small: what it has no room for is missing from reconstructions."""

from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

EXPLAINED = 0.3
"""Share of the variance of pixels: two numbers explain more of any images that recipes ship for."""

LONGER = 8
GAIN = 0.7
"""Error of PCA with a code so many times longer, over that of the model."""

OVERFITTED = 1.5


class CodeTooSmall(Symptom):
    """The model does what its few numbers allow, and that is little."""

    key = "code_too_small"
    title = "Code too small"
    about = (
        f"The model explains less than {percent(EXPLAINED)} of the variance of pixels, of training "
        f"images no more, while PCA with {LONGER} times as many numbers has less than "
        f"{percent(GAIN)} of its error."
    )

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare with PCA of longer codes."""
        error, dim = patient.held_out.error, patient.model.latent.numbers
        if patient.explained >= EXPLAINED or error > OVERFITTED * patient.trained.error:
            return None
        sizes = [size for size in _sizes(dim) if size <= patient.most_components]
        # The smallest first: PCA of long codes takes long, and most models need none of it.
        if not sizes or patient.pca_error(dim) < GAIN * error:
            return None  # PCA of the same size is better: room is not what is missing.
        longer = patient.pca_error(max(size for size in sizes if size <= LONGER * dim))
        if not longer < GAIN * error:
            return None
        errors = [patient.pca_error(size) for size in sizes]
        return Diagnosis(
            symptom=self.key,
            value=patient.explained,
            threshold=EXPLAINED,
            changes={"model.latent.dim": _enough(sizes, errors, patient.mean_image_error)},
            detail={"dim": dim, "error": error, "longer": longer, "times": LONGER},
            plot=Plot(
                x_label="numbers in the code",
                y_label="squared error per pixel",
                lines=(curve("PCA", errors, sizes), curve("this model", [error], [dim])),
            ),
        )

    def number(self, patient: Patient) -> float:
        """Return the share of the variance of pixels that is explained."""
        return patient.explained

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how much is explained."""
        return (
            f"{percent(diagnosis.value)} of the variance of pixels is explained; PCA with "
            f"{diagnosis.text('times')} times the {diagnosis.text('dim')} numbers has an error of "
            f"{diagnosis.text('longer')}, and the model {diagnosis.text('error')}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say that there is no room."""
        return (
            f"The code has no room for what these images differ in: {diagnosis.text('dim')} "
            "numbers cannot tell it, however long the model is trained."
        )


def _sizes(dim: int) -> list[int]:
    """Return sizes of codes to compare, the model's own first."""
    return [dim * factor for factor in (1, 2, 4, 8, 16, 32)]


def _enough(sizes: list[int], errors: list[float], whole: float) -> int:
    """Return the smallest size at which PCA explains most of the variance, or the largest."""
    for size, error in zip(sizes, errors, strict=True):
        if error < whole / 4:
            return size
    return sizes[-1]


SYMPTOM = CodeTooSmall()
