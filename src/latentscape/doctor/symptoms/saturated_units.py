"""Saturated units: a sigmoid or tanh at its ends passes no gradient."""

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import activations_of
from latentscape.doctor.symptom import Symptom
from latentscape.model.units import SATURATED, Layer

SHARE = 0.8
KINDS = ("sigmoid", "tanh")


class SaturatedUnits(Symptom):
    """Numbers behind a sigmoid stand at its ends, where it is flat."""

    key = "saturated_units"
    title = "Saturated sigmoid"
    about = (
        f"More than {percent(SHARE)} of the numbers behind a sigmoid or tanh within the network "
        f"are within {percent(SATURATED)} of one of its ends. A code that a penalty draws there is "
        "left out."
    )
    stages = ("during", "after")

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether any layer has a sigmoid or tanh."""
        return any(activations_of(recipe, kind) for kind in KINDS)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the saturated numbers, layer by layer."""
        worst = _worst(patient)
        if worst is None or not worst.saturated_share > SHARE:
            return None
        recipe = patient.recipe
        paths = [path for kind in KINDS for path in activations_of(recipe, kind)]
        changes: dict[str, Setting] = dict.fromkeys(paths, "leaky_relu")
        if recipe.model.init.kind == "truncated_normal":
            changes["model.init"] = "glorot_uniform"
        return Diagnosis(
            symptom=self.key,
            value=worst.saturated_share,
            threshold=SHARE,
            changes=changes,
            detail={"part": worst.part, "place": worst.place, "kind": worst.kind},
        )

    def number(self, patient: Patient) -> float | None:
        """Return the largest share of saturated numbers of a layer; None without such a layer."""
        worst = _worst(patient)
        return None if worst is None else worst.saturated_share

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many numbers of which layer are saturated."""
        return (
            f"{percent(diagnosis.value)} of the numbers behind activation "
            f"{diagnosis.text('place')} ({diagnosis.text('kind')}) of the "
            f"{diagnosis.text('part')} stand at its ends"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say why they stay there."""
        return (
            f"The inputs of the {diagnosis.text('kind')} are so large that it is flat there: "
            "hardly any gradient comes through, so that the layers before it do not learn."
        )


def _worst(patient: Patient) -> Layer | None:
    """Return the layer with most saturated numbers, of those that count."""
    drawn = "contraction" in patient.recipe.objective.weights
    layers = [
        layer
        for layer in patient.layers
        if layer.kind in KINDS and not (drawn and layer.part == "latent")
    ]
    return max(layers, key=lambda layer: layer.saturated_share, default=None)


SYMPTOM = SaturatedUnits()
