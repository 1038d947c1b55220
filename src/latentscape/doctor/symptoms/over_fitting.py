"""Over-fitting: the validation loss rises while the training loss falls."""

import numpy as np

from latentscape.config import Recipe
from latentscape.config.training import patience_for
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom
from latentscape.training.hooks.vitals import RISE


class OverFitting(Symptom):
    """The weights at the end are worse on new images than earlier ones were."""

    key = "over_fitting"
    title = "Over-fitting"
    about = (
        f"More than {percent(RISE)} of what the validation loss fell by is lost again at the end, "
        "while the training loss still falls, and no early stopping keeps the best weights."
    )
    stages = ("during", "after")
    needs = ("validation", "history")

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether losses of different epochs compare, which no adversary changes then."""
        return not recipe.objective.is_adversarial

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare the last validation loss with the lowest."""
        assert patient.history is not None
        losses, rise = patient.validation_losses, patient.lost_again
        if patient.recipe.train.patience is not None or not rise > RISE:
            return None
        training = [epoch.train.loss for epoch in patient.history.epochs]
        best = int(np.argmin(losses))
        if training[-1] >= training[best]:
            return None
        return Diagnosis(
            symptom=self.key,
            value=rise,
            threshold=RISE,
            changes={"train.patience": patience_for(len(losses))},
            detail={"best": best + 1, "lowest": losses[best], "last": losses[-1]},
            plot=Plot(
                x_label="epoch",
                y_label="loss, nats per example",
                lines=(curve("validation", losses), curve("training", training)),
            ),
        )

    def number(self, patient: Patient) -> float:
        """Return the share of the fall that is lost again; 0 where the best weights are kept."""
        return 0.0 if patient.recipe.train.patience is not None else patient.lost_again

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how far the loss has risen."""
        return (
            f"the validation loss was lowest after epoch {diagnosis.text('best')} "
            f"({diagnosis.text('lowest', 4)}) and rose to {diagnosis.text('last', 4)}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the model learns from then on."""
        return (
            "From then on the model learns what single training images have and others have not, "
            "and training keeps the last weights and not the best."
        )


SYMPTOM = OverFitting()
