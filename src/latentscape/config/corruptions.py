"""Corruptions: their settings, what they need, and their registry."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from latentscape.config.parts import Part
from latentscape.config.registry import Implementation, Name


@dataclass(frozen=True)
class Corruption:
    """A way of corrupting images, and what it needs.

    Attributes
    ----------
    implementation : str or callable
        From images (B, *shape) on the scale 0 to 1 and an amount to new images. It draws from
        torch's generator.
    description : str
        What it does, to complete "Clean images, the same with ...". ``{share}`` stands for the
        amount in percent, ``{amount}`` for the amount as a number.
    max_amount : float
        The largest amount that makes sense.
    needs_images : bool
        Whether it needs rows and columns, which plain vectors lack.
    """

    implementation: Implementation
    description: str
    max_amount: float = 1.0
    needs_images: bool = False


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian": Corruption(
        "latentscape.model.corruption:gaussian",
        "normal noise of standard deviation {amount}",
        max_amount=math.inf,
    ),
    "masking": Corruption("latentscape.model.corruption:masking", "{share} of the values set to 0"),
    "salt_and_pepper": Corruption(
        "latentscape.model.corruption:salt_and_pepper", "{share} of the values set to 0 or 1"
    ),
    "block": Corruption(
        "latentscape.model.corruption:block",
        "a rectangle of {share} of the height and of the width set to 0",
        needs_images=True,
    ),
    "affine": Corruption(
        "latentscape.model.corruption:affine",
        "a move, a turn, a stretch and a shear of up to about {share} each",
        needs_images=True,
    ),
}
"""The kinds of ``model.corruption``."""


class CorruptionConfig(Part):
    """What is done to the images that the encoder sees in training; the target stays clean.

    Attributes
    ----------
    kind : str
        ``gaussian`` adds noise; ``masking`` sets values to 0; ``salt_and_pepper`` sets them to 0
        or 1; ``block`` sets one rectangle to 0; ``affine`` moves, turns, stretches and shears.
    amount : float
        Standard deviation of the noise on the scale 0 to 1, the share of values that are changed,
        the share of height and width that the rectangle takes, or the largest difference of an
        entry of the affine map from leaving the image alone (its shift counts in half sides).
    """

    kind: Annotated[str, Name(CORRUPTIONS)]
    amount: float = Field(0.3, gt=0)

    def model_post_init(self, context: Any, /) -> None:
        """Check what a field alone cannot show."""
        if self.amount > self.entry.max_amount:
            raise ValueError(f"the amount of {self.kind} cannot exceed {self.entry.max_amount:g}")

    @property
    def entry(self) -> Corruption:
        """What is registered under the kind."""
        return CORRUPTIONS[self.kind]
