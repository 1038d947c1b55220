"""What examples look like to whoever gives them, and what the network sees of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.conversion import CHANNELS, arrange_axes

_AXES = "(n, D), (n, H, W), (n, C, H, W) or (n, H, W, C)"


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
        """Bring (n, D), or images with their axes in any usual order, to (n, *seen).

        Raises
        ------
        DataError
            If they are images of another shape.
        """
        if len(self.seen) == 1:
            return examples.reshape(len(examples), -1)
        if examples.ndim == 2:
            examples = examples.reshape(-1, *self.image)
        elif _sizes(examples.shape[1:]) not in (_sizes(self.seen), _sizes(self._channels_last)):
            raise DataError(
                f"X holds examples of shape {examples.shape[1:]}",
                expected=f"{self.given}, as fit got them, or as many numbers in one axis",
            )
        return np.require(arrange_axes(examples, self.seen, "X"), requirements=["C", "W"])

    @property
    def _channels_last(self) -> tuple[int, ...]:
        return (*self.seen[1:], self.seen[0])

    def from_network(self, examples: Array) -> Array:
        """Bring (n, *seen) to (n, *given)."""
        if len(self.image) == 3 and self.image != self.seen:
            examples = np.moveaxis(examples, 1, -1)
        return examples.reshape(-1, *self.given)


def learn_layout(given: Sequence[int], image_shape: Sequence[int] | None) -> Layout:
    """Find out how examples are to be seen.

    Parameters
    ----------
    given : sequence of int
        Shape of one example.
    image_shape : sequence of int or None
        (H, W), (C, H, W) or (H, W, C) of images, which may be given flat. Where both the first and
        the last axis could be that of the channels, it is the first.

    Raises
    ------
    DataError
        If the two do not fit, or no axis looks like channels.
    """
    given = tuple(given)
    image = given if image_shape is None else tuple(int(size) for size in image_shape)
    if len(given) > 3 or not 1 <= len(image) <= 3:
        what = f"X has {len(given) + 1} axes" if len(given) > 3 else f"image_shape is {image}"
        raise DataError(what, expected=_AXES)
    if given != (math.prod(image),) and _sizes(given) != _sizes(image):
        raise DataError(
            f"image_shape is {image}, and the examples in X have the shape {given}",
            expected="the shape of the images, whether they are given so or laid out flat",
        )
    if len(given) > 1:
        image = given
    return Layout(given, image, _seen(image, image_shape))


def remembered_layout(seen: tuple[int, ...], known: Mapping[str, Any]) -> Layout:
    """Return the layout that a model file tells of; images without channels where it tells none.

    Raises
    ------
    ValueError, TypeError
        If what it tells makes no sense.
    """
    plain = seen[1:] if len(seen) == 3 and seen[0] == 1 else seen
    given, image = (tuple(map(int, known.get(name, plain))) for name in ("given", "image"))
    if not math.prod(given) == math.prod(image) == math.prod(seen):
        raise ValueError(f"{given} and {image} are not the shape of {seen}")
    return Layout(given, image, seen)


def _seen(image: tuple[int, ...], image_shape: Sequence[int] | None) -> tuple[int, ...]:
    target = None
    if image_shape is not None and len(image) == 3:
        first = image[0] in CHANNELS or image[-1] not in CHANNELS
        target = image if first else None
    try:
        return arrange_axes(np.zeros((1, *image), np.uint8), target, "X").shape[1:]
    except DataError as error:
        raise DataError(
            f"X holds examples of shape {image}, of which no axis looks like channels",
            expected="1, 3 or 4 channels in the first or the last axis",
            fix=f"If they come first, say so: image_shape={image}.",
        ) from error


def _sizes(shape: Sequence[int]) -> list[int]:
    """Return the axes that are longer than one."""
    return [size for size in shape if size > 1]
