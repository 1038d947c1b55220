"""The pictures of a run: what its model draws, and what lies between and around its codes."""

import math
from contextlib import suppress

from latentscape.core.errors import DataError
from latentscape.core.records import Array, Findings, Split
from latentscape.inference.batches import stored
from latentscape.inference.denoising import denoise
from latentscape.inference.samples import Pictures, choose_source, draw_samples
from latentscape.inference.walks import ROWS, interpolate, manifold, traverse
from latentscape.model import Network

SAMPLES = 64
PAIRS = 4
STEPS = 10
TRAVERSAL_STEPS = 9
SIDE = 20

VALUES = 1 << 22
"""Pixels in one array at most, so that findings stay small: of large images there are fewer."""


def collect_pictures(model: Network, split: Split, seed: int) -> Findings:
    """Make every picture that a model of images has to show.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        What it was trained on.
    seed : int
        Draws codes and noise.

    Returns
    -------
    Findings
        ``values``: ``pictures``, what each one shows. ``arrays``, float32 on the scale 0 to 1:
        ``samples`` (64, *shape), left out where there are too few training codes for a mixture;
        ``samples_normal`` for codes from N(0, I) where that is no prior of the model;
        ``interpolation`` (4, 10, *shape); ``traversals`` (dims, 9, *shape); ``manifold``
        (20, 20, *shape) of codes of two numbers; ``denoising_clean``, ``denoising_noisy`` and
        ``denoising_restored`` (16, *shape). Fewer where images are large, nothing for vectors.
    """
    if len(split.dataset.shape) != 3:
        return Findings({})
    found = _samples(model, split, seed) | _walks(model, split)
    facts = {name: pictures.facts for name, pictures in found.items()}
    arrays: dict[str, Array] = {name: pictures.images for name, pictures in found.items()}
    if corruption := model.config.corruption:
        shown = stored(split.dataset, split.examples())
        noisy = denoise(model, split, shown, corruption, seed)
        facts["denoising"] = noisy.facts
        names = ("clean", "noisy", "restored")
        arrays |= {f"denoising_{n}": a for n, a in zip(names, noisy.images, strict=True)}
    return Findings({"pictures": facts}, arrays)


def _samples(model: Network, split: Split, seed: int) -> dict[str, Pictures]:
    found, count = {}, _fitting(SAMPLES, model)
    with suppress(DataError):  # Too few examples to fit a mixture to.
        found["samples"] = draw_samples(model, split, count, seed)
    if choose_source(model, "prior") == "normal":
        found["samples_normal"] = draw_samples(model, split, count, seed, "prior")
    return found


def _walks(model: Network, split: Split) -> dict[str, Pictures]:
    found, examples = {}, split.examples()
    if pairs := min(PAIRS, len(examples) // 2):
        ends = stored(split.dataset, examples[: 2 * pairs])
        found["interpolation"] = interpolate(model, ends, STEPS)
    if model.config.latent.quantises:
        return found
    example = stored(split.dataset, examples[:1])
    rows = _fitting(ROWS, model, TRAVERSAL_STEPS)
    found["traversals"] = traverse(model, split, example, TRAVERSAL_STEPS, rows)
    if model.latent_dim == 2:
        found["manifold"] = manifold(model, split, math.isqrt(_fitting(SIDE**2, model)))
    return found


def _fitting(count: int, model: Network, images: int = 1) -> int:
    """Return how many times so many images are few enough to be kept: `count` at most."""
    return max(1, min(count, VALUES // (images * math.prod(model.input_shape))))
