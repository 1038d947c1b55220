"""Too few steps: the error still falls when training ends."""

from collections.abc import Sequence

from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import LEARNING, Patient
from latentscape.doctor.symptom import Symptom

FALL = 0.1
"""Share of the error that the last fifth of the epochs takes away."""

LEARNED = 0.02
"""Share of the error of a model that knows nothing yet: a fall that is worth going on for."""

LAST, HALF, CURVE = 5, 2, 3
"""Parts of the epochs that are compared with those before; and epochs that make a curve at least.

A schedule that falls to zero flattens the last fifth of any curve, and not its second half."""

FEWEST_STEPS = 100
"""Steps below which no network of the recipes has learned its images."""

ENOUGH_STEPS = 1000
"""Steps after which a model without noise on its code that PCA beats lacks more than steps."""

RISE = 0.02
"""Share of what was learned that is lost again: more steps would not help."""

STILL = 1.05
"""Times the lowest error: a higher one at the end says that more steps would not help."""

MORE = 4


class UnderTraining(Symptom):
    """Training ends before the model has learned what it can."""

    key = "under_training"
    title = "Trained too short"
    about = (
        f"The last fifth of the epochs still lowered the error by more than {percent(FALL)}, and "
        f"by more than {percent(LEARNED)} of that of the mean image; or there were fewer than "
        f"{FEWEST_STEPS} steps in all; or fewer than {ENOUGH_STEPS:,}, and PCA with a code of the "
        "same size has a lower error than a model that learns to reconstruct and nothing else, and "
        f"whose error the second half of the epochs still lowered by more than {percent(FALL)}."
    )
    needs = ("history",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare the last error with that of a fifth of the epochs before."""
        if patient.stopped_early or patient.lost_again > RISE:
            return None
        errors, steps = patient.error_curve, patient.steps_trained
        fallen, fall = _fall(errors, LAST)
        learned = fallen / patient.whole_error
        is_short = steps < FEWEST_STEPS and errors[-1] <= STILL * min(errors)
        is_curve = len(errors) >= CURVE
        is_blind = not is_curve and patient.explained < LEARNING
        is_falling = not is_curve or _fall(errors, HALF)[1] > FALL
        is_behind = steps < ENOUGH_STEPS and (is_blind or (is_falling and patient.is_behind_pca))
        if not (fall > FALL and learned > LEARNED) and not is_short and not is_behind:
            return None
        is_short = is_short or is_behind
        return Diagnosis(
            symptom=self.key,
            value=steps if is_short else fall,
            threshold=(ENOUGH_STEPS if is_behind else FEWEST_STEPS) if is_short else FALL,
            changes={"train.epochs": self._epochs(patient)},
            detail={"steps": steps, "fall": fall, "short": is_short, "of": patient.error_name},
            plot=Plot(
                x_label="epoch",
                y_label=patient.error_name,
                lines=(curve(patient.error_name, errors),),
            ),
        )

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how many steps there were, or how fast the error still falls."""
        steps = f"{diagnosis.text('steps')} steps in all"
        if diagnosis.fact("short"):
            return steps
        fall = percent(diagnosis.value)
        return f"the {diagnosis.text('of')} fell by {fall} in the last fifth of training, {steps}"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say that training ended early."""
        return (
            "Training ended while the model still learned: so few batches make an epoch that it "
            "takes more epochs of them."
        )

    @staticmethod
    def _epochs(patient: Patient) -> int:
        """Return epochs that give several times the steps, and enough of them."""
        return max(MORE * patient.recipe.train.epochs, -(-ENOUGH_STEPS // patient.steps))


def _fall(errors: Sequence[float], part: int) -> tuple[float, float]:
    """Return how far errors fell in the last of so many parts, and the share of them that is."""
    back = max(1, round(len(errors) / part))
    before = errors[-1 - back] if len(errors) > back else errors[-1]
    return before - errors[-1], (before - errors[-1]) / abs(before or 1.0)


SYMPTOM = UnderTraining()
