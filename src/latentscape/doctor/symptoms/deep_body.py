"""More convolutional stages than the image can be halved."""

from latentscape.config import ConvConfig, Recipe
from latentscape.core.units import count
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import bodies
from latentscape.doctor.symptom import Symptom


class DeepBody(Symptom):
    """The last stages see a single pixel."""

    key = "deep_body"
    title = "More stages than the image has halves"
    about = (
        "A convolutional body has stages that work on a map of a single pixel: each stage halves "
        "height and width, and there was nothing left to halve."
    )
    stages = ("before",)

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether there is a convolutional body."""
        return any(isinstance(body, ConvConfig) for _, body in bodies(recipe))

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the halvings."""
        needed = _halvings(patient.split.dataset.shape)
        deep = {
            path: body
            for path, body in bodies(patient.recipe)
            if isinstance(body, ConvConfig) and body.depth > needed
        }
        if not deep or len(patient.split.dataset.shape) != 3:
            return None
        return Diagnosis(
            symptom=self.key,
            value=max(body.depth for body in deep.values()),
            threshold=needed,
            changes={
                f"{path}.channels": _kept(path, body, max(1, needed - 1))
                for path, body in deep.items()
            },
            detail={"side": max(patient.split.dataset.shape[1:])},
        )

    def number(self, patient: Patient) -> float:
        """Return how many stages the deepest body has."""
        return max(body.depth for _, body in bodies(patient.recipe) if isinstance(body, ConvConfig))

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many stages there are."""
        return (
            f"{count(int(diagnosis.value))} stages, and {diagnosis.text('side')} pixels are one "
            f"after {count(int(diagnosis.threshold))}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the last stages do."""
        return (
            "Each stage halves height and width. Behind the one that leaves a single pixel, "
            "kernels see nothing but zeros around it, and places in the image are gone."
        )


def _halvings(shape: tuple[int, ...]) -> int:
    """Return after how many halvings, each rounded up, a single pixel is left."""
    return max((side - 1).bit_length() for side in shape[1:])


def _kept(path: str, body: ConvConfig, depth: int) -> tuple[int, ...]:
    """Return the channels of the stages that stay: those next to the image."""
    return body.channels[:depth] if path == "model.encoder" else body.channels[-depth:]


SYMPTOM = DeepBody()
