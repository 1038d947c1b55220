"""What is trained on: MNIST, and scenes in colour, which are drawn here because nothing is fetched.

The first scenes are the same however many are drawn.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.works import Work, load_mnist

Images = dict[str, NDArray[np.uint8]]
"""Parts ``train`` and ``test``: images (n, H, W), in colour (n, C, H, W)."""

Pixels = NDArray[np.float32]

SIDE = 64
TEST_SCENES = 2_000

_ELLIPSES = 4
_CHUNK = 256
"""Scenes that are drawn at once."""


def load_images(work: Work) -> Images:
    """Return the images that a work trains on, and those that it is scored on."""
    if work.data == "scenes":
        return {"train": scenes("train", work.images), "test": scenes("test", TEST_SCENES)}
    digits = _digits()
    return {"train": digits[: work.images], "test": digits[60_000:]}


def scenes(part: str, count: int) -> NDArray[np.uint8]:
    """Draw scenes (count, 3, 64, 64): soft ellipses before a gradient, all in random colours."""
    chunks = [_drawn(part, number) for number in range(-(-count // _CHUNK))]
    return np.concatenate(chunks)[:count]


@cache
def _digits() -> NDArray[np.uint8]:
    return np.asarray(load_mnist().images)[:, 0]


def _drawn(part: str, chunk: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng([*part.encode(), chunk])
    slope = np.linspace(0, 1, SIDE, dtype=np.float32)
    corners = rng.random((2, 2, _CHUNK, 3, 1), np.float32)
    top, bottom = (_between(left, right, slope) for left, right in corners)
    pixels = _between(top[:, :, None], bottom[:, :, None], slope[:, None])
    for _ in range(_ELLIPSES):
        cover = _ellipses(rng, slope)[:, None]
        pixels = _between(pixels, rng.random((_CHUNK, 3, 1, 1), np.float32), cover)
    return (pixels * 255).round().astype(np.uint8)


def _between(first: Pixels, second: Pixels, share: Pixels) -> Pixels:
    return first + share * (second - first)


def _ellipses(rng: np.random.Generator, slope: Pixels) -> Pixels:
    """Return how much of each pixel (n, 64, 64) an ellipse of each scene covers."""
    centre = rng.random((2, _CHUNK, 1), np.float32)
    radius = rng.uniform(0.06, 0.3, (2, _CHUNK, 1)).astype(np.float32)
    down, right = ((slope - centre) / radius) ** 2
    distance = np.sqrt(down[:, :, None] + right[:, None, :])
    # About a pixel wide is the edge.
    cover: Pixels = np.clip((1 - distance) * radius.mean(0)[:, None] * SIDE + 0.5, 0, 1)
    return cover
