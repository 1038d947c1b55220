"""Walks through the latent space: between two codes, along one dimension, over a plane."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentscape.core.errors import ConfigError, unknown
from latentscape.core.records import Split
from latentscape.core.units import number
from latentscape.inference.batches import evaluating, to_device
from latentscape.inference.codec import posteriors
from latentscape.inference.samples import (
    Batch,
    Pictures,
    choose_labels,
    decode,
    has_standard_prior,
    training_codes,
)
from latentscape.model import Network
from latentscape.model.latents import VqLatent

PATHS = ("linear", "spherical")
ROWS = 20
"""Dimensions of the code that a traversal shows at most."""

REACH = 3.0
"""How far a traversal goes from 0 under the prior N(0, I), which has 99.7 % of its mass within."""

TAILS = (0.01, 0.99)
"""Between which quantiles of training codes walks stay where no prior says how far codes go."""

QUANTILE_CODES = 2000


def interpolate(model: Network, ends: Batch, steps: int, path: str | None = None) -> Pictures:
    """Decode what lies between the codes of two images.

    The codes of a vq latent are made of codebook vectors, and its decoder has seen nothing else:
    each vector of a mix is replaced by the nearest of the codebook. Its vectors have no common
    length that a sphere could keep, so that only the straight line is left. A conditional model
    decodes each row with the label of its first image.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    ends : tuple of Tensor
        Stored images (2 n, *shape) and their labels: the ends of the first row, of the second, ...
    steps : int
        Images in a row, both ends included.
    path : str, optional
        ``linear``, or ``spherical`` (see `slerp`); by default spherical under the prior N(0, I).

    Returns
    -------
    Pictures
        ``images`` (n, steps, *shape). ``facts``: ``path``, ``about``.

    Raises
    ------
    ConfigError
        If there is no such path, or none through these codes.
    """
    path = path or ("spherical" if has_standard_prior(model) else "linear")
    _check_path(model, path)
    codes = _codes(model, ends)
    along = torch.linspace(0, 1, steps)
    mixed = (slerp if path == "spherical" else lerp)(codes[::2], codes[1::2], along)
    if isinstance(model.latent, VqLatent):
        mixed = _quantised(model.latent, mixed)
    labels = ends[1][::2] if ends[1] is not None else None
    facts = {"path": path, "about": _interpolated(model, steps, path)}
    return Pictures(decode(model, mixed, labels), facts)


def lerp(first: Tensor, second: Tensor, along: Tensor) -> Tensor:
    """Return codes (n, S, D) on the straight lines between codes (n, D), at `along` (S,)."""
    share = along[:, None]
    return (1 - share) * first[:, None] + share * second[:, None]


def slerp(first: Tensor, second: Tensor, along: Tensor) -> Tensor:
    """Return codes (n, S, D) on the arcs around zero between codes (n, D), at `along` (S,).

    Between codes of one norm, every step keeps it: codes of N(0, I) have nearly the same, and a
    straight line would leave it (White 2016, Sampling Generative Networks, section 2.1). Codes in
    the same or in opposite directions have no single arc between them; these take the straight
    line.
    """
    start, end, share = first.double(), second.double(), along.double()[:, None]
    cosine = F.cosine_similarity(start, end, dim=-1).clamp(-1, 1)
    angle = torch.arccos(cosine)[:, None, None]
    arc = torch.sin((1 - share) * angle) * start[:, None] + torch.sin(share * angle) * end[:, None]
    straight = torch.sin(angle) < 1e-6
    return torch.where(straight, lerp(start, end, along.double()), arc / torch.sin(angle)).float()


def traverse(model: Network, split: Split, example: Batch, steps: int, rows: int) -> Pictures:
    """Move one number of an example's code at a time, and leave the others as they are.

    Under the prior N(0, I) each number goes from -3 to 3, and those with the largest mean rate over
    test examples come first: the most informative. Elsewhere each goes from the 1st to the 99th
    percentile of training codes, and those that change the image most come first.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        What it was trained on.
    example : tuple of Tensor
        One stored image (1, *shape) and its label.
    steps : int
        Images in a row.
    rows : int
        Dimensions that are shown at most.

    Returns
    -------
    Pictures
        ``images`` (dims, steps, *shape). ``facts``: ``dims``, ``spans`` (from, to) and ``about``.

    Raises
    ------
    ConfigError
        If the code is made of codebook vectors.
    """
    _refuse_codebook(model, "no number of it can be moved alone")
    code, labels = _codes(model, example)[0], example[1]
    standard = has_standard_prior(model)
    if standard:
        spans = torch.tensor([[-REACH, REACH]]).repeat(model.latent_dim, 1)
        weight = posteriors(model, split.dataset, split.test).rate().mean(0)
    else:
        spans = _quantiles(model, split)
        ends = decode(model, _walk(code, range(model.latent_dim), spans, 2), labels)
        weight = torch.from_numpy(np.square(ends[:, 1] - ends[:, 0])).flatten(1).mean(1)
    dims = weight.argsort(descending=True, stable=True)[:rows].tolist()
    images = decode(model, _walk(code, dims, spans, steps), labels)
    facts = {"dims": dims, "spans": spans[dims].tolist(), "about": _traversed(model, dims)}
    return Pictures(images, facts)


def manifold(model: Network, split: Split, side: int, label: str | None = None) -> Pictures:
    """Decode a grid of codes of two numbers.

    Under the prior N(0, I) each picture stands for the same share of its mass, by the inverse
    normal distribution of an even grid (Kingma and Welling 2014, appendix A). Elsewhere the grid is
    even between the 1st and 99th percentiles of training codes.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        What it was trained on.
    side : int
        Pictures in a row, and in a column.
    label : str, optional
        Of a conditional model; by default its first.

    Returns
    -------
    Pictures
        ``images`` (side, side, *shape): the first number grows to the right, the second upwards.
        ``facts``: ``about``.

    Raises
    ------
    ConfigError
        If the code is not two numbers, or the model does not have that label.
    """
    _refuse_codebook(model, "there is no plane of them")
    if model.latent_dim != 2:
        raise ConfigError(
            f"Codes of {model.latent_dim} numbers have no plane that shows them all",
            expected="codes of two numbers",
            fix="Train a model with --latent-dim 2.",
        )
    labels = choose_labels(model, split, 1, label)
    if has_standard_prior(model):
        even = torch.special.ndtri((torch.arange(side, dtype=torch.float64) + 0.5) / side).float()
        right = up = even
    else:
        spans = _quantiles(model, split, None if labels is None else int(labels))
        right, up = (torch.linspace(low, high, side) for low, high in spans.tolist())
    codes = torch.stack(torch.meshgrid(right, up.flip(0), indexing="xy"), -1)
    about = _plane(model, split, labels)
    return Pictures(decode(model, codes, labels), {"about": about})


def _codes(model: Network, batch: Batch) -> Tensor:
    with evaluating():
        return model.encode(*to_device(model, batch)).cpu()


def _walk(code: Tensor, dims: list[int] | range, spans: Tensor, steps: int) -> Tensor:
    """Return codes (dims, steps, D), in each row of which one number moves through its span."""
    codes = code.repeat(len(dims), steps, 1)
    for row, dim in enumerate(dims):
        low, high = spans[dim].tolist()
        codes[row, :, dim] = torch.linspace(low, high, steps)
    return codes


def _quantiles(model: Network, split: Split, label: int | None = None) -> Tensor:
    """Return between what each number (D, 2) of the codes of training examples lies, nearly all."""
    codes = training_codes(model, split, QUANTILE_CODES, label)
    return torch.from_numpy(np.quantile(codes, TAILS, axis=0).T.astype(np.float32))


def _quantised(latent: VqLatent, codes: Tensor) -> Tensor:
    """Replace each vector in codes (..., D) by the nearest of the codebook."""
    codebook = latent.codebook.cpu()
    vectors = codes.reshape(*codes.shape[:-1], codebook.shape[1], -1).transpose(-2, -1)
    exact = "donot_use_mm_for_euclid_dist"  # A vector of the codebook shall be its own nearest one.
    nearest = torch.cdist(vectors.flatten(0, -2), codebook, compute_mode=exact).argmin(-1)
    return codebook[nearest].reshape(vectors.shape).transpose(-2, -1).flatten(-2)


def _check_path(model: Network, path: str) -> None:
    if path not in PATHS:
        raise unknown("path", path, PATHS, ConfigError)
    if path == "spherical" and isinstance(model.latent, VqLatent):
        raise ConfigError(
            "The vectors of a codebook do not lie on a sphere, and each step of a path between "
            "them is replaced by the nearest one",
            fix="Take the straight line: --path linear.",
        )


def _refuse_codebook(model: Network, consequence: str) -> None:
    if isinstance(model.latent, VqLatent):
        raise ConfigError(
            f"A vq code is made of whole vectors of a codebook: {consequence}",
            expected="a latent of kind gaussian or point",
        )


def _interpolated(model: Network, steps: int, path: str) -> str:
    way = "on an arc around zero" if path == "spherical" else "on a straight line"
    text = f"From the code of the image on the left to that on the right, {steps} images {way}"
    if isinstance(model.latent, VqLatent):
        text += ", each vector replaced by the nearest of the codebook"
    if model.config.condition:
        text += "; each row is decoded with the label of its first image"
    return f"{text}."


def _traversed(model: Network, dims: list[int]) -> str:
    if has_standard_prior(model):
        span = f"from {number(-REACH, 1)} to {number(REACH, 1)}"
        order = "The most informative ones come first, by their mean rate over test images"
    else:
        span = "from the 1st to the 99th percentile of training codes"
        order = "Those that change the image most come first"
    shown = ", ".join(str(dim) for dim in dims)
    rest = f" of {model.latent_dim}" if len(dims) < model.latent_dim else ""
    return (
        f"Each row moves one number of a test image's code {span}, and leaves the others as they "
        f"are. {order}: {shown}{rest}, counted from 0."
    )


def _plane(model: Network, split: Split, labels: Tensor | None) -> str:
    if has_standard_prior(model):
        spread = "spaced so that each picture stands for the same share of the prior N(0, I)"
    else:
        spread = "in even steps between the 1st and the 99th percentile of training codes"
    text = f"The plane of the codes, {spread}: the first number grows to the right, the second up"
    if labels is not None:
        text += f"; all decoded with the label {split.dataset.label_names[int(labels)]}"
    return f"{text}."
