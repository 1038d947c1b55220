"""Training takes nearly all of the memory, or more than there is."""

from latentscape.core.memory import available_memory
from latentscape.core.units import memory_size, percent
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom
from latentscape.training.memory import memory_of, network_to_describe

SHARE = 0.8


class Memory(Symptom):
    """The system swaps, or ends the program."""

    key = "memory"
    title = "Too little memory"
    about = f"Training takes more than {percent(SHARE)} of the memory that is free."
    stages = ("before",)
    needs = ("input",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare what training takes with what is free."""
        batch, free = patient.recipe.train.batch_size, available_memory(patient.device)
        needed = _needed(patient, batch)
        if not needed > SHARE * free:
            return None
        return Diagnosis(
            symptom=self.key,
            value=needed / free,
            threshold=SHARE,
            changes=_smaller_batch(patient, SHARE * free),
            detail={"needed": needed, "free": free, "batch": batch},
        )

    def number(self, patient: Patient) -> float:
        """Return the share of the free memory that training takes."""
        needed = _needed(patient, patient.recipe.train.batch_size)
        return needed / available_memory(patient.device)

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how much is needed."""
        needed, free = (memory_size(diagnosis.fact(name)) for name in ("needed", "free"))
        return f"{needed} are needed at the least, and {free} are free"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what takes it."""
        return (
            "Weights, what the optimizer keeps of them, and what each layer puts out for all "
            f"{diagnosis.text('batch')} examples of a batch are in memory at once."
        )

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say what else makes it smaller."""
        return "Lower the widths or channels of model.encoder, or the size of images (--resize)."


def _needed(patient: Patient, batch: int) -> float:
    """Return the bytes that training takes with batches of a size."""
    recipe = patient.recipe
    network = network_to_describe(recipe.model, recipe.objective)
    train = recipe.train.model_copy(update={"batch_size": batch})
    recipe = recipe.model_copy(update={"train": train})
    return memory_of(network, recipe, len(patient.split.train))


def _smaller_batch(patient: Patient, limit: float) -> dict[str, Setting]:
    """Return the largest power of two that fits as the size of a batch, if any does."""
    batch = patient.recipe.train.batch_size
    fixed, each = _needed(patient, 1), 0.0
    each = (_needed(patient, 2) - fixed) or 1.0
    fitting = int(1 + (limit - fixed) / each)
    if fitting < 2:
        return {}
    return {"train.batch_size": min(batch - 1, 1 << fitting.bit_length() - 1)}


SYMPTOM = Memory()
