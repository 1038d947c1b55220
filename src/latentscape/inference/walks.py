"""Walks through the latent space: between two codes, along one dimension, over a plane."""

from typing import Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import model_validator
from torch import Tensor

from latentscape.core.errors import ConfigError, unknown
from latentscape.core.findings import Images, Record, check_lengths
from latentscape.core.records import Split
from latentscape.inference.batches import evaluating, to_device
from latentscape.inference.codec import posteriors
from latentscape.inference.samples import (
    Batch,
    check_images,
    choose_labels,
    decode,
    training_codes,
)
from latentscape.model import Network
from latentscape.runs import TrainedOn

PATHS = ("linear", "spherical")
MAX_ROWS = 20
"""Dimensions of the code that a traversal shows."""

REACH = 3.0
"""How far a traversal goes from 0 under the prior N(0, I), which has 99.7 % of its mass within."""

TAILS = (0.01, 0.99)
"""Between which quantiles of training codes walks stay where no prior says how far codes go."""

QUANTILE_CODES = 2000


class Interpolation(Record):
    """What lies between the codes of pairs of images.

    Attributes
    ----------
    images : ndarray of float32
        (rows, steps, *shape).
    path : str
        ``linear`` or ``spherical``.
    is_quantised : bool
        Whether each vector of a mix was replaced by the nearest of the codebook.
    is_conditional : bool
        Whether each row was decoded with the label of its first image.
    numbers, labels : tuple of (int, int)
        Of both ends of each row: places among the test examples, from 0, and indices of labels, -1
        without; empty of other images, and in older findings.
    """

    images: Images
    path: Literal["linear", "spherical"]
    is_quantised: bool = False
    is_conditional: bool = False
    numbers: tuple[tuple[int, int], ...] = ()
    labels: tuple[tuple[int, int], ...] = ()


class Traversals(Record):
    """What single numbers of a code do to an image, the most telling ones first.

    Attributes
    ----------
    images : ndarray of float32
        (dims, steps, *shape).
    dims : tuple of int
        Which number each row moves, counted from 0.
    spans : tuple of (float, float)
        From where to where.
    latent_dim : int
        How many numbers there are.
    has_standard_prior : bool
        Whether spans and order follow the prior N(0, I), and no training codes.
    """

    images: Images
    dims: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]
    latent_dim: int
    has_standard_prior: bool

    def values(self, row: int) -> list[float]:
        """Return what the number of a row is in each of its images."""
        return [float(value) for value in np.linspace(*self.spans[row], self.images.shape[1])]

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_lengths(images=len(self.images), dims=len(self.dims), spans=len(self.spans))
        if not all(0 <= dim < self.latent_dim for dim in self.dims):
            raise ValueError(f"dims are {self.dims} of {self.latent_dim}")
        return self


class Manifold(Record):
    """The plane of codes of two numbers.

    Attributes
    ----------
    images : ndarray of float32
        (side, side, *shape): the first number grows to the right, the second upwards.
    has_standard_prior : bool
        Whether each picture stands for the same share of the prior N(0, I); otherwise steps are
        even between the 1st and the 99th percentile of training codes.
    label : str or None
        What all are decoded with, of a conditional model.
    across, down : tuple of float
        The first number in each column, and the second in each row; empty in older findings.
    """

    images: Images
    has_standard_prior: bool
    label: str | None = None
    across: tuple[float, ...] = ()
    down: tuple[float, ...] = ()


def interpolate(model: Network, ends: Batch, steps: int, path: str | None = None) -> Interpolation:
    """Decode what lies between the codes of two images.

    Codes of a codebook are made of its vectors, and the decoder has seen nothing else: each vector
    of a mix is replaced by the nearest of the codebook. These vectors have no common length that a
    sphere could keep, so that only the straight line is left. A conditional model decodes each row
    with the label of its first image.

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
    Interpolation
        The images (n, steps, *shape).

    Raises
    ------
    ConfigError
        If there is no such path, or none through these codes.
    """
    path = path or ("spherical" if model.config.latent.has_standard_prior else "linear")
    _check_path(model, path)
    check_images(model, len(ends[0]) // 2 * steps)
    codes = _codes(model, ends)
    fractions = torch.linspace(0, 1, steps)
    mixed = (slerp if path == "spherical" else lerp)(codes[::2], codes[1::2], fractions)
    mixed = model.latent.snap(mixed)
    labels = ends[1][::2] if ends[1] is not None else None
    return Interpolation(
        images=decode(model, mixed, labels),
        path="spherical" if path == "spherical" else "linear",
        is_quantised=model.config.latent.quantises,
        is_conditional=bool(model.config.condition),
    )


def lerp(first: Tensor, second: Tensor, fractions: Tensor) -> Tensor:
    """Return codes (n, S, D) on the straight lines between codes (n, D), at `fractions` (S,)."""
    share = fractions[:, None]
    return (1 - share) * first[:, None] + share * second[:, None]


def slerp(first: Tensor, second: Tensor, fractions: Tensor) -> Tensor:
    """Return codes (n, S, D) on the arcs around zero between codes (n, D), at `fractions` (S,).

    Between codes of one norm, every step keeps it: codes of N(0, I) have nearly the same, and a
    straight line would leave it (White 2016, Sampling Generative Networks, section 2.1). Codes in
    the same or in opposite directions have no single arc between them; these take the straight
    line.
    """
    start, end, share = first.double(), second.double(), fractions.double()[:, None]
    cosine = F.cosine_similarity(start, end, dim=-1).clamp(-1, 1)
    angle = torch.arccos(cosine)[:, None, None]
    arc = torch.sin((1 - share) * angle) * start[:, None] + torch.sin(share * angle) * end[:, None]
    straight = torch.sin(angle) < 1e-6
    return torch.where(
        straight, lerp(start, end, fractions.double()), arc / torch.sin(angle)
    ).float()


def traverse(
    model: Network, trained_on: Split | TrainedOn, example: Batch, steps: int, rows: int
) -> Traversals:
    """Move one number of an example's code at a time, and leave the others as they are.

    Under the prior N(0, I) each number goes from -3 to 3, and those with the largest mean rate over
    test examples come first: the most informative. Elsewhere each goes from the 1st to the 99th
    percentile of training codes, and those that change the image most come first.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    trained_on : Split or TrainedOn
        What it was trained on.
    example : tuple of Tensor
        One stored image (1, *shape) and its label.
    steps : int
        Images in a row.
    rows : int
        Dimensions that are shown at most.

    Returns
    -------
    Traversals
        The images (dims, steps, *shape).

    Raises
    ------
    ConfigError
        If the code is made of codebook vectors.
    """
    _refuse_codebook(model, "no number of it can be moved alone")
    check_images(model, min(rows, model.latent_dim) * steps)
    trained_on = TrainedOn.of(trained_on)
    code, labels = _codes(model, example)[0], example[1]
    standard = model.config.latent.has_standard_prior
    if standard:
        spans = torch.tensor([[-REACH, REACH]]).repeat(model.latent_dim, 1)
        weight = _mean_rates(model, trained_on)
    else:
        spans = _quantiles(model, trained_on)
        ends = decode(model, _walk(code, range(model.latent_dim), spans, 2), labels)
        weight = torch.from_numpy(np.square(ends[:, 1] - ends[:, 0])).flatten(1).mean(1)
    dims = weight.argsort(descending=True, stable=True)[:rows].tolist()
    return Traversals(
        images=decode(model, _walk(code, dims, spans, steps), labels),
        dims=dims,
        spans=spans[dims].tolist(),
        latent_dim=model.latent_dim,
        has_standard_prior=standard,
    )


def manifold(
    model: Network, trained_on: Split | TrainedOn, side: int, label: str | None = None
) -> Manifold:
    """Decode a grid of codes of two numbers.

    Under the prior N(0, I) each picture stands for the same share of its mass, by the inverse
    normal distribution of an even grid (Kingma and Welling 2014, appendix A). Elsewhere the grid is
    even between the 1st and 99th percentiles of training codes.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    trained_on : Split or TrainedOn
        What it was trained on.
    side : int
        Pictures in a row, and in a column.
    label : str, optional
        Of a conditional model; by default its first.

    Returns
    -------
    Manifold
        The images (side, side, *shape).

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
    check_images(model, side * side)
    trained_on = TrainedOn.of(trained_on)
    labels = choose_labels(model, trained_on, 1, label)
    if model.config.latent.has_standard_prior:
        even = torch.special.ndtri((torch.arange(side, dtype=torch.float64) + 0.5) / side).float()
        right = up = even
    else:
        spans = _quantiles(model, trained_on, None if labels is None else int(labels))
        right, up = (torch.linspace(low, high, side) for low, high in spans.tolist())
    codes = torch.stack(torch.meshgrid(right, up.flip(0), indexing="xy"), -1)
    return Manifold(
        images=decode(model, codes, labels),
        has_standard_prior=model.config.latent.has_standard_prior,
        label=None if labels is None else trained_on.label_names[int(labels)],
        across=tuple(right.tolist()),
        down=tuple(up.flip(0).tolist()),
    )


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


def _mean_rates(model: Network, trained_on: TrainedOn) -> Tensor:
    """Return the mean rate of each number (D,) of a code over test examples."""
    if (saved := trained_on.substitute) and saved.rates:
        return torch.tensor(saved.rates)
    split = trained_on.split.limited()
    return posteriors(model, split.dataset, split.test).rate().mean(0)


def _quantiles(model: Network, trained_on: TrainedOn, label: int | None = None) -> Tensor:
    """Return a low and a high quantile (D, 2) of each number of the codes of training examples."""
    codes = training_codes(model, trained_on, QUANTILE_CODES, label)
    return torch.from_numpy(np.quantile(codes, TAILS, axis=0).T.astype(np.float32))


def _check_path(model: Network, path: str) -> None:
    if path not in PATHS:
        raise unknown("path", path, PATHS, ConfigError)
    if path == "spherical" and model.config.latent.quantises:
        raise ConfigError(
            "The vectors of a codebook do not lie on a sphere, and each step of a path between "
            "them is replaced by the nearest one",
            fix="Take the straight line: --path linear.",
        )


def _refuse_codebook(model: Network, consequence: str) -> None:
    if model.config.latent.quantises:
        raise ConfigError(
            f"A {model.config.latent.kind} code is made of whole vectors of a codebook: "
            f"{consequence}",
            expected="a latent of kind gaussian or point",
        )
