"""Which parts of a model, and which terms of an objective, go together."""

import math
from collections.abc import Mapping

from torch import Tensor, uint8

from latentscape.config import (
    LATENTS,
    TERMS,
    CapacityConfig,
    LatentConfig,
    ModelConfig,
    ObjectiveConfig,
    Term,
)
from latentscape.core.errors import ConfigError, DataError


def uses_labels(config: ModelConfig, objective: ObjectiveConfig) -> bool:
    """Tell whether training takes the labels of the examples."""
    return config.condition is not None or any(
        TERMS[name].needs_labels for name in objective.weights
    )


ROUNDING = 1e-5
"""Share of the range by which values may miss it."""


def check_values(
    images: Tensor, config: ModelConfig, name: str = "the images", fix: str = ""
) -> None:
    """Refuse stored values that a trained model has never met.

    Parameters
    ----------
    images : Tensor
        (B, *shape) as they are stored.
    config : ModelConfig
        That of the model. ``input.limits`` decides; without them the range, where the likelihood
        knows no values outside.
    name : str
        What the images are called, for the message.
    fix : str
        How to mend it; by default in Python.

    Raises
    ------
    DataError
        With the smallest and the largest value.
    """
    assert config.input is not None
    limits = config.input.limits
    if limits is None and config.likelihood.needs_unit_range:
        limits = config.input.range
    if limits is None or not images.numel():
        return
    low, high = limits
    if images.dtype == uint8 and low <= 0 and high >= 255:
        return
    smallest, largest = (float(end) for end in images.detach().aminmax())
    slack = ROUNDING * (high - low)
    if not (low - slack <= smallest and largest <= high + slack):  # Nor may it be no number.
        start, end = config.input.range
        raise DataError(
            f"The values of {name} go from {smallest:g} to {largest:g}",
            expected=f"values as the model was trained on, where {start:g} and {end:g} are the "
            "ends of the scale",
            fix=fix or "Bring them to that scale.",
        )


def check_parts(config: ModelConfig) -> None:
    """Refuse parts that do not go together.

    Raises
    ------
    ConfigError
        With the reason.
    """
    assert config.input is not None
    corruption, shape = config.corruption, config.input.shape
    if corruption and corruption.entry.needs_images and len(shape) != 3:
        raise ConfigError(
            f"Vectors of {math.prod(shape)} numbers have no rows and columns, which the corruption "
            f"{corruption.kind} changes",
            fix="Choose model.corruption.kind=masking.",
        )
    config.latent.check_encoder(config.encoder)
    if config.condition is None:
        return
    if config.input.labels < 2:
        raise ConfigError(
            f"The model is to be conditioned on labels, and there are {config.input.labels}",
            expected="data with two labels or more",
            fix="Name their column or file with --labels, or leave model.condition out.",
        )
    config.latent.check_condition()


def check_objective(config: ObjectiveConfig, model: ModelConfig) -> None:
    """Refuse terms that do not go with the model or with each other.

    Raises
    ------
    ConfigError
        With the reason, and what would go instead.
    """
    terms = {name: TERMS[name] for name in config.weights}
    _check_latent(terms, model.latent)
    _check_combination(terms)
    model.latent.check_terms(terms)
    for name, term in terms.items():
        _check_needs(name, term, model)
    _check_schedules(config)
    if config.turns:
        _check_turns(terms)
    if config.samples > 1 and not model.latent.draws:
        raise ConfigError(
            f"Several samples were asked of a latent of kind {model.latent.kind}, which has one"
        )


def _check_latent(terms: Mapping[str, Term], latent: LatentConfig) -> None:
    """Refuse terms that need what the latent does not have."""
    for name, term in terms.items():
        if not latent.provides(term.needs):
            kinds = [kind for kind, entry in LATENTS.items() if entry.provides(term.needs)]
            raise ConfigError(
                f"The term {name} cannot be computed for a latent of kind {latent.kind}",
                expected=f"model.latent.kind {' or '.join(kinds)}",
            )


def _check_combination(terms: Mapping[str, Term]) -> None:
    """Refuse terms that count something twice, and an objective without reconstruction."""
    for name in sorted(terms):
        if not terms.keys().isdisjoint(terms[name].includes):
            raise ConfigError(
                f"The term {name} holds reconstruction and rate already",
                fix=f"Leave the others out: objective.weights={{{name}: 1}}.",
            )
        if terms[name].stands_alone and len(terms) > 1:
            raise ConfigError(
                f"The term {name} rescales the gradients of the codes, and stands alone",
                fix="Choose importance, or leave the others out.",
            )
    if not any(term.reconstructs for term in terms.values()):
        raise ConfigError(
            "Nothing in the objective asks for a reconstruction",
            fix="Set objective.weights.reconstruction=1.",
        )


def _check_needs(name: str, term: Term, model: ModelConfig) -> None:
    """Refuse a term that needs labels, corruption or a Jacobian where there is none."""
    if term.needs_labels and model.input is not None and model.input.labels < 2:
        raise ConfigError(
            f"The term {name} is over labels, and there are {model.input.labels}",
            expected="data with two labels or more",
            fix="Name their column or file with --labels, or leave the term out.",
        )
    if term.needs_corruption and model.corruption is None:
        raise ConfigError(
            f"The term {name} compares two corrupted copies of an image, and nothing corrupts",
            fix="Set model.corruption=affine.",
        )
    if term.needs_jacobian and model.encoder.batch_normalised:
        raise ConfigError(
            "The Jacobian of one example is not defined under batch normalisation",
            fix="Set model.encoder.norm to layer or none.",
        )


def _check_turns(terms: Mapping[str, Term]) -> None:
    """Refuse turns that one side alone would take."""
    played = [name for name, term in terms.items() if term.adversary is not None]
    if not played or len(played) == len(terms):
        side = "with" if played else "without"
        raise ConfigError(
            f"objective.turns takes turns between terms without and with an adversary, and all "
            f"terms are {side} one",
            fix="Leave objective.turns out, or add a term: adversarial_prior has an adversary.",
        )


def _check_schedules(config: ObjectiveConfig) -> None:
    """Refuse a schedule of a term that is not in the objective: it would change nothing."""
    scheduled = {
        "rate_warmup": ("rate", config.rate_warmup > 0),
        "capacity": ("capacity", config.capacity != CapacityConfig()),
    }
    for setting, (term, is_set) in scheduled.items():
        if is_set and term not in config.weights:
            raise ConfigError(
                f"objective.{setting} belongs to the term {term}, which is not in the objective",
                fix=f"Set objective.weights.{term}, or leave {setting} out.",
            )
