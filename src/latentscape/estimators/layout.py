"""The shape of an example in X, and the shape that the network takes."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.conversion import CHANNELS, arrange_axes

_AXES = "(n, D), (n, H, W), (n, C, H, W) or (n, H, W, C)"

_OLD_NAMES = {"given": "example_shape", "image": "image_shape", "seen": "network_shape"}
"""Names of the attributes in version 0.1.0."""


@dataclass(frozen=True)
class Layout:
    """The shapes of one example.

    Attributes
    ----------
    example_shape : tuple of int
        Shape in X, and in what comes back: (D,), (H, W), (C, H, W) or (H, W, C).
    image_shape : tuple of int
        Shape of the image that a flat example holds. It is (D,) for plain vectors.
    network_shape : tuple of int
        Shape that the network takes: (D,) or (C, H, W).
    """

    example_shape: tuple[int, ...]
    image_shape: tuple[int, ...]
    network_shape: tuple[int, ...]

    def as_images(self, examples: Array) -> Array:
        """Return the images that (n, D) hold, with their axes in any usual order; vectors stay.

        A DataError if they are images of another shape.
        """
        if len(self.network_shape) == 1:
            return examples.reshape(len(examples), -1)
        if examples.ndim == 2:
            return examples.reshape(-1, *self.image_shape)
        if _long_axes(examples.shape[1:]) not in self._accepted_axes():
            raise DataError(
                f"X holds examples of shape {examples.shape[1:]}",
                expected=f"{self.example_shape} as in fit, or as many numbers in one axis",
            )
        return examples

    def to_network(self, examples: Array) -> Array:
        """Bring what `as_images` returns to (n, *network_shape)."""
        if len(self.network_shape) == 1:
            return examples
        return np.require(arrange_axes(examples, self.network_shape, "X"), requirements=["C", "W"])

    def from_network(self, examples: Array) -> Array:
        """Bring (n, *network_shape) to (n, *example_shape)."""
        if len(self.image_shape) == 3 and self.image_shape != self.network_shape:
            examples = np.moveaxis(examples, 1, -1)
        return examples.reshape(-1, *self.example_shape)

    def _accepted_axes(self) -> list[list[int]]:
        channels, *size = self.network_shape
        return [_long_axes([channels, *size]), _long_axes([*size, channels])]

    def __getattr__(self, name: str) -> tuple[int, ...]:
        if name not in _OLD_NAMES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        message = f"Layout.{name} is called {_OLD_NAMES[name]} since version 0.2.0"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        shape: tuple[int, ...] = getattr(self, _OLD_NAMES[name])
        return shape


def learn_layout(example_shape: Sequence[int], image_shape: Sequence[int] | None) -> Layout:
    """Decide how examples are arranged, of which X has this shape, and images that one.

    A DataError if the two do not fit, or no axis looks like channels.
    """
    example = tuple(example_shape)
    image = example if image_shape is None else tuple(int(size) for size in image_shape)
    _check_shapes(example, image)
    if len(example) > 1:
        image = example
    return Layout(example, image, _network_shape(image, declared=image_shape is not None))


def _check_shapes(example: tuple[int, ...], image: tuple[int, ...]) -> None:
    if len(example) > 3:
        raise DataError(f"X has {len(example) + 1} axes", expected=_AXES)
    if not 1 <= len(image) <= 3:
        raise DataError(f"image_shape is {image}", expected=_AXES)
    if example != (math.prod(image),) and _long_axes(example) != _long_axes(image):
        raise DataError(
            f"image_shape is {image}, and the examples in X have the shape {example}",
            expected="the shape of the images in X, which may be flat",
        )


def _network_shape(image: tuple[int, ...], *, declared: bool) -> tuple[int, ...]:
    """Find the axis of the channels; `declared` trusts the first one in case of doubt."""
    target = None
    if declared and len(image) == 3 and (image[0] in CHANNELS or image[-1] not in CHANNELS):
        target = image
    try:
        return arrange_axes(np.zeros((1, *image), np.uint8), target, "X").shape[1:]
    except DataError as error:
        raise DataError(
            f"X holds examples of shape {image}, and no axis looks like channels",
            expected="1, 3 or 4 channels in the first or the last axis",
            fix=f"If they come first, set image_shape={image}.",
        ) from error


def _long_axes(shape: Sequence[int]) -> list[int]:
    """Return the axes that are longer than one."""
    return [size for size in shape if size > 1]
