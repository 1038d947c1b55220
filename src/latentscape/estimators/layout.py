"""What examples look like to whoever gives them, and what the network sees of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentscape.data.values import CHANNELS, arrange
from latentscape.errors import DataError
from latentscape.records import Array


@dataclass(frozen=True)
class Layout:
    """The shapes of one example.

    Attributes
    ----------
    given : tuple of int
        As ``fit`` got it, and as it is given back: (D,), (H, W), (C, H, W) or (H, W, C).
    image : tuple of int
        What the numbers of a flat example are laid out in: (D,) or one of the others.
    seen : tuple of int
        What the network takes: (D,) or (C, H, W).
    """

    given: tuple[int, ...]
    image: tuple[int, ...]
    seen: tuple[int, ...]

    def to_network(self, examples: Array) -> Array:
        """Bring (n, D), or images with their axes in any usual order, to (n, *seen)."""
        if examples.ndim == 2:
            examples = examples.reshape(-1, *self.image)
        return arrange(examples, self.seen, "X")

    def from_network(self, examples: Array) -> Array:
        """Bring (n, *seen) to (n, *given)."""
        if len(self.image) == 3 and self.image != self.seen:
            examples = np.moveaxis(examples, 1, -1)
        return examples.reshape(-1, *self.given)


def learn_layout(given: tuple[int, ...], image_shape: tuple[int, ...] | None) -> Layout:
    """Find out how examples are to be seen.

    Parameters
    ----------
    given : tuple of int
        Shape of one example.
    image_shape : tuple of int or None
        (H, W), (C, H, W) or (H, W, C) of images that are given flat.

    Raises
    ------
    DataError
        If the two do not fit, or no axis looks like channels.
    """
    image = given if image_shape is None else tuple(image_shape)
    if not 1 <= len(image) <= 3 or (given != image and given != (math.prod(image),)):
        raise DataError(
            f"image_shape is {image}, and the examples in X have the shape {given}",
            expected="as many numbers, in images of that shape or laid out flat",
        )
    # An image_shape says that channels come first where nothing looks like channels.
    target = None if image_shape is None or image[-1] in CHANNELS else image
    one = np.zeros((1, *image), np.uint8)
    return Layout(given, image, arrange(one, target, "X").shape[1:])


def remembered_layout(seen: tuple[int, ...], known: Mapping[str, Any]) -> Layout:
    """Return the layout that a model file tells of; images without channels where it tells none."""
    plain = seen[1:] if len(seen) == 3 and seen[0] == 1 else seen
    given, image = (tuple(known.get(name, plain)) for name in ("given", "image"))
    return Layout(given, image, seen)
