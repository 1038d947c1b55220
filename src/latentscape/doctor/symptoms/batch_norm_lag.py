"""Batch normalisation lags: running statistics are not those of the batches."""

from latentscape.config import Recipe
from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import norms_of
from latentscape.doctor.symptom import Symptom
from latentscape.doctor.training_batches import error_by_batches

RATIO = 1.5


class BatchNormLag(Symptom):
    """The trained model is normalised by means that have not caught up with its weights."""

    key = "batch_norm_lag"
    title = "Batch normalisation lags"
    about = (
        "Training batches have a squared error that is more than "
        f"{RATIO:g} times as large with the running statistics of batch normalisation, which the "
        "trained model uses, as with the statistics of each batch, which training uses."
    )

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether anything is normalised over batches."""
        return bool(norms_of(recipe, "batch"))

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare the errors of the same batches under both statistics."""
        by_batch, by_running = error_by_batches(patient.model, patient.recipe, patient.split)
        ratio = by_running / max(by_batch, 1e-12)
        if not ratio > RATIO:
            return None
        return Diagnosis(
            symptom=self.key,
            value=ratio,
            threshold=RATIO,
            changes=dict(norms_of(patient.recipe, "batch")),
            detail={
                "by_batch": by_batch,
                "by_running": by_running,
                "steps": patient.steps_trained,
                "batch_size": patient.recipe.train.batch_size,
            },
        )

    def number(self, patient: Patient) -> float:
        """Return how many times larger the error is with running statistics."""
        by_batch, by_running = error_by_batches(patient.model, patient.recipe, patient.split)
        return by_running / max(by_batch, 1e-12)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how much larger the error is."""
        return (
            f"the error is {number(diagnosis.value, 3)} times as large with running statistics "
            f"({diagnosis.text('by_running')}) as with those of each batch "
            f"({diagnosis.text('by_batch')})"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say why averages lag."""
        return (
            f"The averages that replace the statistics of a batch after training are of "
            f"{diagnosis.text('steps')} steps with batches of {diagnosis.text('batch_size')}: too "
            "few, or too small, to describe the activations of the last weights."
        )


SYMPTOM = BatchNormLag()
