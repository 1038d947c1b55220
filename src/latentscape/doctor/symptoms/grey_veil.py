"""A veil of grey: every image is reconstructed as nearly the same one."""

from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.evidence import rows_of_images
from latentscape.doctor.patient import ALIKE, Patient
from latentscape.doctor.settings import activations_of, significant
from latentscape.doctor.symptom import Symptom

SHOWN = 8


class GreyVeil(Symptom):
    """Reconstructions hardly differ from one image to the next."""

    key = "grey_veil"
    title = "Veil of grey"
    about = (
        "Reconstructions differ from each other by less than "
        f"{percent(ALIKE)} of the variance by which images do: all look like the mean image, or "
        "like one grey."
    )

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare the variance of reconstructions with that of images."""
        whole = patient.held_out
        varied = patient.varied
        if not varied < ALIKE:
            return None
        flat = float(whole.reconstructions.mean(0).std())
        return Diagnosis(
            symptom=self.key,
            value=varied,
            threshold=ALIKE,
            changes=_livelier(patient),
            detail={
                "error": whole.error,
                "mean_image": patient.mean_image_error,
                "is_flat": flat < 0.1 * float(patient.mean_image.std()),
            },
            strips=rows_of_images(
                ("images", whole.images[:SHOWN]),
                ("their reconstructions", whole.reconstructions[:SHOWN]),
            ),
        )

    def number(self, patient: Patient) -> float:
        """Return the variance of reconstructions over that of images."""
        return patient.varied

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how little reconstructions differ."""
        return (
            f"reconstructions have {percent(diagnosis.value)} of the variance of images, and an "
            f"error of {diagnosis.text('error')} (mean image: "
            f"{diagnosis.text('mean_image')})"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the decoder has learned."""
        if diagnosis.fact("is_flat"):
            return (
                "The decoder has not even learned the mean image: hardly any gradient reaches the "
                "weights."
            )
        return (
            "The decoder has learned the mean image in its biases, and nothing from the code: "
            "hardly any gradient comes through the layers between."
        )


def _livelier(patient: Patient) -> dict[str, Setting]:
    """Return settings that let gradients through."""
    recipe = patient.recipe
    flat = [path for kind in ("sigmoid", "tanh") for path in activations_of(recipe, kind)]
    changes: dict[str, Setting] = dict.fromkeys(flat, "leaky_relu")
    if recipe.model.init.kind == "truncated_normal":
        changes["model.init"] = "glorot_uniform"
    return changes or {"train.lr": significant(recipe.train.lr / 10)}


SYMPTOM = GreyVeil()
