"""The pictures of a run: what its model draws, and what lies between and around its codes."""

import math
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError
from latentscape.core.findings import Part
from latentscape.core.records import Split
from latentscape.inference.batches import stored
from latentscape.inference.denoising import Denoising, denoise
from latentscape.inference.samples import Samples, choose_source, draw_samples
from latentscape.inference.walks import (
    MAX_ROWS,
    Interpolation,
    Manifold,
    Traversals,
    interpolate,
    manifold,
    traverse,
)
from latentscape.model import Network

N_SAMPLES = 64
N_PAIRS = 4
INTERPOLATION_STEPS = 10
TRAVERSAL_STEPS = 9
MANIFOLD_SIDE = 20

MAX_VALUES = 1 << 22
"""Pixels in one array, so that findings stay small: of large images there are fewer."""


class Pictures(Part):
    """The pictures of a model of images; all of them None for vectors.

    Attributes
    ----------
    samples : Samples or None
        None where there are too few training codes for a mixture.
    samples_normal : Samples or None
        Of codes from N(0, I), where that is no prior of the model.
    interpolation : Interpolation or None
        Between pairs of test examples.
    traversals, manifold : Traversals, Manifold or None
        Where single numbers of a code can be moved; a manifold of codes of two numbers alone.
    denoising : Denoising or None
        Where the model was trained on corrupted images.
    """

    part = "pictures"

    samples: Samples | None = None
    samples_normal: Samples | None = None
    interpolation: Interpolation | None = None
    traversals: Traversals | None = None
    manifold: Manifold | None = None
    denoising: Denoising | None = None


def make_pictures(model: Network, split: Split, seed: int) -> Pictures:
    """Make every picture that a model of images has to show.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        What it was trained on.
    seed : int
        Draws codes and noise.
    """
    if len(split.dataset.shape) != 3:
        return Pictures()
    pictures = _samples(model, split, seed) | _walks(model, split)
    if corruption := model.config.corruption:
        examples = stored(split.dataset, split.examples())
        pictures["denoising"] = denoise(model, split, examples, corruption, seed)
    return Pictures(**pictures)


def max_images(count: int, pixels: int, rows: int = 1) -> int:
    """Return how many rows of images are few enough to be kept: `count` at most.

    Parameters
    ----------
    count : int
        How many would be good.
    pixels : int
        Values of one image.
    rows : int
        Images in a row.
    """
    return max(1, min(count, MAX_VALUES // (rows * pixels)))


def _named(lines: Interpolation, split: Split, index: NDArray[np.int64]) -> Interpolation:
    """Note which test examples are at the ends of each row."""
    labels = split.dataset.labels
    ends = {
        "numbers": np.searchsorted(split.test, index),
        "labels": np.full(len(index), -1) if labels is None else labels[index],
    }
    pairs = {name: tuple(map(tuple, of.reshape(-1, 2).tolist())) for name, of in ends.items()}
    return lines.model_copy(update=pairs)


def _samples(model: Network, split: Split, seed: int) -> dict[str, object]:
    pictures: dict[str, object] = {}
    count = max_images(N_SAMPLES, math.prod(model.input_shape))
    with suppress(DataError):  # Too few examples to fit a mixture to.
        pictures["samples"] = draw_samples(model, split, count, seed)
    if choose_source(model, "prior") == "normal":
        pictures["samples_normal"] = draw_samples(model, split, count, seed, "prior")
    return pictures


def _walks(model: Network, split: Split) -> dict[str, object]:
    pictures: dict[str, object] = {}
    examples, pixels = split.examples(), math.prod(model.input_shape)
    if pairs := min(N_PAIRS, len(examples) // 2):
        ends = stored(split.dataset, examples[: 2 * pairs])
        lines = interpolate(model, ends, INTERPOLATION_STEPS)
        pictures["interpolation"] = _named(lines, split, examples[: 2 * pairs])
    if model.config.latent.quantises:
        return pictures
    example = stored(split.dataset, examples[:1])
    rows = max_images(MAX_ROWS, pixels, TRAVERSAL_STEPS)
    pictures["traversals"] = traverse(model, split, example, TRAVERSAL_STEPS, rows)
    if model.latent_dim == 2:
        side = math.isqrt(max_images(MANIFOLD_SIDE**2, pixels))
        pictures["manifold"] = manifold(model, split, side)
    return pictures
