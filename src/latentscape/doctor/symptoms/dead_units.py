"""Dead ReLU units: they are 0 for every image, and get no gradient."""

import numpy as np

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Plot, Setting
from latentscape.doctor.evidence import curve
from latentscape.doctor.newcomer import newcomer
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import activations_of, significant
from latentscape.doctor.symptom import Symptom
from latentscape.model.units import Layer
from latentscape.training.hooks.vitals import DEAD, FEWEST_UNITS

SMALLER = 10
"""Times that a learning rate is divided by which kills units."""


class DeadUnits(Symptom):
    """Units whose input is negative for every image never learn again."""

    key = "dead_units"
    title = "Dead ReLU units"
    about = (
        f"More than {percent(DEAD)} of the units of a layer with ReLU are 0 for every example. "
        "A code that a penalty keeps sparse is left out."
    )
    stages = ("during", "after")

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether any layer has ReLU."""
        return bool(activations_of(recipe, "relu"))

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count the units that never fire, layer by layer."""
        worst = _worst(patient)
        if worst is None or not worst.dead > DEAD:
            return None
        first = _worst(newcomer(patient.recipe, patient.split, patient.model.device))
        born_dead = first is not None and first.dead > DEAD
        return Diagnosis(
            symptom=self.key,
            value=worst.dead,
            threshold=DEAD,
            changes=_revived(patient.recipe, born_dead=born_dead),
            detail={
                "part": worst.part,
                "place": worst.place,
                "units": worst.units,
                "born_dead": born_dead,
                "lr": patient.recipe.train.lr,
            },
            plot=Plot(
                x_label="unit, the largest first",
                y_label="largest output over the examples",
                lines=(curve("largest output", np.sort(worst.largest.numpy())[::-1].tolist()),),
            ),
        )

    def number(self, patient: Patient) -> float | None:
        """Return the largest share of dead units of a layer; None without such a layer."""
        worst = _worst(patient)
        return None if worst is None else worst.dead

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many units of which layer are dead."""
        return (
            f"{percent(diagnosis.value)} of the {diagnosis.text('units')} units of activation "
            f"{diagnosis.text('place')} of the {diagnosis.text('part')} are 0 for every example"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say how they died, and why they stay dead."""
        died = (
            "They begin with an input that is negative for every example"
            if diagnosis.fact("born_dead")
            else f"Steps with the learning rate {diagnosis.text('lr', 2)} have made their input "
            "negative for every example"
        )
        return f"{died}, where ReLU is flat: they get no gradient, and no step can wake them up."


def _worst(patient: Patient) -> Layer | None:
    """Return the layer with most dead units, of those that count."""
    sparse = "sparsity" in patient.recipe.objective.weights
    layers = [
        layer
        for layer in patient.layers
        if layer.kind == "relu"
        and layer.units >= FEWEST_UNITS
        and not (sparse and layer.part == "latent")
        # Behind a code that never moves, half of all units are 0 for every example.
        and (layer.part != "decoder" or bool(patient.active.any()))
    ]
    return max(layers, key=lambda layer: layer.dead, default=None)


def _revived(recipe: Recipe, *, born_dead: bool) -> dict[str, Setting]:
    """Return smaller steps; or another activation, where units are dead from the start."""
    if not born_dead:
        return {"train.lr": significant(recipe.train.lr / SMALLER)}
    init = recipe.model.init
    starts_below = init.kind == "truncated_normal" and init.bias < 0
    other_init: dict[str, Setting] = {"model.init": "glorot_uniform"} if starts_below else {}
    return {**dict.fromkeys(activations_of(recipe, "relu"), "leaky_relu"), **other_init}


SYMPTOM = DeadUnits()
