"""The bodies of critics: networks of the objective that training plays against."""

from typing import Annotated

from latentscape.config.bodies import BODIES, BodyConfig, MlpConfig
from latentscape.config.parts import Part
from latentscape.config.registry import OneOf


def _encodes(body: type[BodyConfig]) -> bool:
    return body.encodes and body.is_stock


def _encodes_vectors(body: type[BodyConfig]) -> bool:
    return _encodes(body) and not body.takes_images


class CriticsConfig(Part):
    """What critics are made of: a body, and one linear layer that puts out a number.

    Attributes
    ----------
    codes : BodyConfig
        The body of critics that look at codes (D,).
    images : BodyConfig
        The body of critics that look at examples, (C, H, W) or (D,).
    """

    codes: Annotated[BodyConfig, OneOf(BODIES, _encodes_vectors)] = MlpConfig(
        widths=(256, 256), activation="leaky_relu"
    )
    images: Annotated[BodyConfig, OneOf(BODIES, _encodes)] = MlpConfig(
        widths=(256, 256), activation="leaky_relu"
    )
