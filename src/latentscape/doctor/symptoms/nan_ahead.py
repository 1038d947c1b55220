"""NaN about to come: gradients that jump, or a loss that was infinite already."""

from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.settings import significant
from latentscape.doctor.symptom import Symptom
from latentscape.training.hooks.vitals import JUMP


class NanAhead(Symptom):
    """Single steps are so long that the loss becomes infinite sooner or later."""

    key = "nan_ahead"
    title = "NaN about to come"
    about = (
        "The loss became infinite or NaN, and training rolled back; or the longest gradient of a "
        f"dozen batches is more than {JUMP:g} times their median."
    )
    stages = ("during", "after")

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Count roll-backs, and compare gradients of single batches."""
        norms, train = patient.gradient_norms, patient.recipe.train
        middle, rollbacks = float(norms.median()), patient.rollbacks
        jump = float(norms.max()) / max(middle, 1e-30)
        if not rollbacks and not jump > JUMP:
            return None
        factor = min([event.rate_factor or 0.5 for event in rollbacks], default=0.5)
        return Diagnosis(
            symptom=self.key,
            value=len(rollbacks) or jump,
            threshold=1 if rollbacks else JUMP,
            changes={
                "train.lr": significant(train.lr * factor / 2),
                "train.clip_norm": significant(2 * middle),
            },
            detail={"rollbacks": len(rollbacks), "jump": jump, "lr": train.lr},
            plot=Plot(
                x_label="batch",
                y_label="length of the gradient",
                lines=(curve("length of the gradient", norms.tolist()),),
            ),
        )

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how often the loss was infinite, or how far gradients jump."""
        times = int(diagnosis.fact("rollbacks"))
        if times:
            return f"the loss became infinite or NaN {times} time{'s' if times > 1 else ''}"
        return f"the longest gradient is {number(diagnosis.value, 3)} times the median one"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say that steps are too long."""
        rate = number(diagnosis.fact("lr"), 2)
        return (
            f"Some batches have a gradient so steep that a step with the learning rate {rate} "
            "throws the weights out of the region where the loss falls."
        )


SYMPTOM = NanAhead()
