"""The symptoms, causes before what they cause: the first one that a model has is named first.

One is added by a module with a `Symptom` named ``SYMPTOM``, and its name at its place here.
Terminal, report, documents and tests follow.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import cast

from latentscape.core.errors import ConfigError, unknown
from latentscape.doctor.symptom import Symptom

KEYS = (
    "values_outside",
    "unused_range",
    "channel_order",
    "parts_differ",
    "label_leak",
    "constant_images",
    "duplicates",
    "few_examples",
    "imbalance",
    "no_validation",
    "memory",
    "deep_body",
    "dense_body",
    "wide_likelihood",
    "rate_too_high",
    "rate_too_low",
    "few_steps",
    "long_training",
    "nan_ahead",
    "batch_norm_lag",
    "kl_weight",
    "under_training",
    "strong_decoder",
    "dead_units",
    "saturated_units",
    "posterior_collapse",
    "codebook_unused",
    "over_fitting",
    "memorised",
    "prior_scale",
    "inactive_dimensions",
    "code_too_small",
    "grey_veil",
    "blur",
    "code_too_large",
    "cluster_count",
)
"""The symptoms that come with Latentscape, each a module of its name."""

REGISTRY: dict[str, str] = {key: f"latentscape.doctor.symptoms.{key}" for key in KEYS}
"""All symptoms: key to module, in the order in which they are named. Others may add their own."""


def symptom(key: str) -> Symptom:
    """Return a symptom by its key.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if key not in REGISTRY:
        raise unknown("symptom", key, REGISTRY, ConfigError)
    return cast(Symptom, import_module(REGISTRY[key]).SYMPTOM)


def symptoms() -> Iterator[Symptom]:
    """Yield all symptoms, causes before what they cause."""
    return map(symptom, REGISTRY)
