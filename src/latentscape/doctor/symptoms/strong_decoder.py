"""A decoder that is too strong: it does without the code."""

from latentscape.config import Recipe
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Setting
from latentscape.doctor.evidence import by_dimension
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

GAIN = 0.02
"""Share of the error that the code takes away, below which the decoder does without it."""

DEEPER = 2
"""Layers that a decoder has more than its encoder, from which on it learns later than the rate."""


class StrongDecoder(Symptom):
    """The decoder gives the same image whatever the code is, although the objective is even."""

    key = "strong_decoder"
    title = "Decoder too strong"
    about = (
        f"Reconstructions lose less than {percent(GAIN)} where all codes are replaced by their "
        "mean, and the decoder is given labels, or is deeper than the encoder by "
        f"{DEEPER} layers or more."
    )

    def applies_to(self, recipe: Recipe) -> bool:
        """Whether the decoder knows more, or is deeper, than a mirror of the encoder."""
        model = recipe.model
        return model.latent.has_posterior and (bool(model.condition) or _is_deeper(recipe))

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Reconstruct without codes."""
        error, codeless = patient.held_out.error, patient.codeless_error
        gain = self.number(patient)
        if not gain < GAIN:
            return None
        recipe = patient.recipe
        changes: dict[str, Setting] = {"objective.rate_warmup": _warmup(recipe)}
        if _is_deeper(recipe):
            changes["model.decoder"] = "mirror"
        else:
            changes["objective.weights.rate"] = 0.1
        return Diagnosis(
            symptom=self.key,
            value=gain,
            threshold=GAIN,
            changes=changes,
            detail={
                "error": error,
                "codeless": codeless,
                "condition": bool(recipe.model.condition),
                "deeper": _is_deeper(recipe),
            },
            plot=by_dimension("nats of the rate", patient.rate_per_dim),
        )

    def number(self, patient: Patient) -> float:
        """Return the share of the error that codes take away."""
        return patient.code_gain

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say what the code gains."""
        return (
            f"the code lowers the error by {percent(max(0.0, diagnosis.value))}, from "
            f"{diagnosis.text('codeless')} to {diagnosis.text('error')}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what the decoder has in place of a code."""
        if diagnosis.fact("condition"):
            return (
                "The decoder gets the label, and what the label leaves open is worth less than "
                "its rate: the code stays empty."
            )
        return (
            "So deep a decoder learns to use the code later than the rate learns to empty it, and "
            "an empty code gives no gradient that would fill it again."
        )


def _is_deeper(recipe: Recipe) -> bool:
    encoder = recipe.model.encoder
    if recipe.model.decoder.kind == "mirror":
        return False
    return recipe.model.decoder.as_decoder(encoder).depth >= encoder.depth + DEEPER


def _warmup(recipe: Recipe) -> float:
    """Return a third of the epochs, over which the rate gets its weight."""
    return max(1.0, recipe.train.epochs // 3)


SYMPTOM = StrongDecoder()
