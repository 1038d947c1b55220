"""What all config records share."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from latentscape.core.names import check_printable

Activation = Literal["linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]


Norm = Literal["none", "batch", "layer"]


EngineName = Literal["auto", "plain"]
"""How work is carried out: ``auto`` takes the fast way for the machine, ``plain`` PyTorch's own."""


PrintableName = Annotated[str, AfterValidator(check_printable)]
"""A name that tables and headings show, on one line."""


Changes = Mapping[str, Any]
"""Dotted path of a setting to its value, as in ``{"train.lr": 3e-4}``."""


SpaceText = Mapping[str, Any]
"""Dotted path of a setting to what it may be, as people write it (`latentscape.config.space`)."""


class Part(BaseModel):
    """A frozen record that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def by_kind(value: Any) -> Any:
    """Let ``likelihood: bernoulli`` stand for ``likelihood: {kind: bernoulli}``."""
    return {"kind": value} if isinstance(value, str) else value
