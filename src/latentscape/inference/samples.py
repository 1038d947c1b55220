"""Samples: codes drawn from a prior or from a mixture fitted to training codes, and decoded."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor

from latentscape.config import SAMPLERS, load
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.findings import Images, Record, check_lengths
from latentscape.core.memory import check_memory
from latentscape.core.progress import stage
from latentscape.core.randomness import derive_seed, generator
from latentscape.core.records import Array, Split
from latentscape.core.subsets import draw_subset
from latentscape.inference.batches import BATCH, evaluating, to_device
from latentscape.inference.codec import encode
from latentscape.model import Network
from latentscape.model.latents import Normal
from latentscape.runs import TrainedOn

COMPONENTS = 10
FULL_UP_TO = 64
"""Longest code for which the Gaussians of a mixture have a full covariance."""

MAX_CODES = 10_000

_COPIES = 4
"""How often images are in memory at once, at the least: in batches, joined, and as a picture."""

_TRAINING = "training examples"

Batch = tuple[Tensor, Tensor | None]
"""Stored images (n, *shape) and their labels (n,)."""


class Samples(Record):
    """Images decoded from codes that were drawn.

    Attributes
    ----------
    images : ndarray of float32
        (n, *shape).
    source : str
        Where the codes come from: the `origin` of a `latentscape.inference.samplers.Sampler`.
    labels : tuple of str or None
        Label that each image was asked to show, of a conditional model.
    label : str or None
        The label of all of them, where one was asked for.
    seed : int
        What drew the codes.
    fitted_on : str
        The part whose codes a mixture was fitted to: ``test`` where training examples are missing.
    """

    images: Images
    source: str
    labels: tuple[str, ...] | None = None
    label: str | None = None
    seed: int
    fitted_on: Literal["train", "test"] = "train"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.labels is not None:
            check_lengths(images=len(self.images), labels=len(self.labels))
        return self


def draw_samples(
    model: Network,
    trained_on: Split | TrainedOn,
    count: int,
    seed: int,
    source: str | None = None,
    label: str | None = None,
) -> Samples:
    """Draw codes and decode them to their mean images.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    trained_on : Split or TrainedOn
        What it was trained on. A mixture is fitted to codes of the training part, ten Gaussians
        after training as in Ghosh et al. (2020), section 4; for a conditional model one mixture
        to the codes of each label.
    count : int
        How many.
    seed : int
        Draws the codes, the same ones on every device, and fits the mixture.
    source : str, optional
        ``prior``, ``gmm`` or ``vamp``; by default the model's prior, and a mixture where it has
        none. The ``prior`` of a model that has none is N(0, I).
    label : str, optional
        The label of all samples of a conditional model; by default the labels take turns.

    Returns
    -------
    Samples
        The images (count, *shape) and where their codes come from.

    Raises
    ------
    ConfigError
        If the model does not have that source or that label.
    DataError
        If there are too few training codes for a mixture.
    """
    check_images(model, count)
    trained_on = TrainedOn.of(trained_on)
    drawn = draw_codes(model, trained_on, count, seed, source, label)
    names = trained_on.label_names
    return Samples(
        images=decode(model, drawn.codes, drawn.labels),
        source=drawn.source,
        labels=None if drawn.labels is None else tuple(names[i] for i in drawn.labels),
        label=label,
        seed=seed,
        fitted_on=drawn.fitted_on,
    )


@dataclass(frozen=True, eq=False)
class DrawnCodes:
    """Codes that were drawn.

    Attributes
    ----------
    codes : Tensor
        (n, D).
    labels : Tensor or None
        (n,) what a conditional model decodes them with.
    source, fitted_on : str
        As of `Samples`.
    """

    codes: Tensor
    labels: Tensor | None
    source: str
    fitted_on: Literal["train", "test"]


def draw_codes(
    model: Network,
    trained_on: TrainedOn,
    count: int,
    seed: int,
    source: str | None = None,
    label: str | None = None,
) -> DrawnCodes:
    """Draw codes of new images; parameters and errors are those of `draw_samples`."""
    sampler = _choose_sampler(model, source)
    labels = choose_labels(model, trained_on, count, label)
    codes = sampler.draw(trained_on, count, labels, seed)
    has_substitute = sampler.name == "gmm" and trained_on.substitute is not None
    return DrawnCodes(codes, labels, sampler.origin, "test" if has_substitute else "train")


def choose_source(model: Network, source: str | None = None) -> str:
    """Return where codes of a model come from: ``prior``, ``vamp``, ``gmm`` or ``normal``.

    Raises
    ------
    ConfigError
        If the model does not have the source that was asked for.
    """
    return str(_choose_sampler(model, source).name)


def _choose_sampler(model: Network, source: str | None) -> Any:
    """Return the sampler of a source; by default of the prior, or a mixture where there is none."""
    if source is None:
        source = "gmm" if load(SAMPLERS["prior"])(model).name == "normal" else "prior"
    if source not in SAMPLERS:
        raise unknown("source of codes", source, SAMPLERS, ConfigError)
    sampler = load(SAMPLERS[source])(model)
    sampler.check()
    return sampler


def choose_labels(
    model: Network, trained_on: Split | TrainedOn, count: int, label: str | None = None
) -> Tensor | None:
    """Return the labels (count,) that a conditional model decodes with; None for other models.

    Without `label`, those that training examples had take turns.

    Raises
    ------
    ConfigError
        If the model takes no labels or was not trained on this one.
    """
    if label is not None:
        return torch.full((count,), find_label(model, trained_on, label))
    if not model.config.condition:
        return None
    known = torch.tensor(TrainedOn.of(trained_on).labels)
    return known[torch.arange(count) % len(known)]


def find_label(model: Network, trained_on: Split | TrainedOn, name: str) -> int:
    """Return the index of a label that a conditional model was trained on.

    Raises
    ------
    ConfigError
        If the model takes no labels or was not trained on this one.
    """
    if not model.config.condition:
        raise ConfigError(
            "The model is not conditioned on labels, so that none can be chosen",
            fix="Train one that is: latentscape train cond-vae, or a recipe with --condition "
            "label.",
        )
    trained_on = TrainedOn.of(trained_on)
    names = trained_on.label_names
    known = [names[index] for index in trained_on.labels]
    if name not in names:
        raise unknown("label", name, known, ConfigError)
    if name not in known:
        raise ConfigError(
            f"No training example had the label {name!r}, so that the model does not know it",
            expected=f"one of {', '.join(known)}",
        )
    return names.index(name)


def check_images(model: Network, count: int) -> None:
    """Refuse to decode so many images that memory cannot hold them.

    Raises
    ------
    ConfigError
        With what they would need.
    """
    values = math.prod(model.input_shape) + model.latent_dim
    needed = 4.0 * count * values * _COPIES
    check_memory(f"A picture of {count:,} images", needed, "Ask for fewer.")


@stage("decoding")
def decode(model: Network, codes: Tensor, labels: Tensor | None) -> Array:
    """Decode codes to their mean images, in batches.

    Parameters
    ----------
    model : Network
        Evaluating, on any device.
    codes : Tensor
        (n, D) or (n, ..., D).
    labels : Tensor or None
        (n,) labels for a conditional model, or (1,) for all.

    Returns
    -------
    ndarray of float32
        (n, *shape) or (n, ..., *shape) on the scale 0 to 1.
    """
    flat = codes.reshape(-1, codes.shape[-1])
    if labels is not None:
        labels = labels.repeat_interleave(len(flat) // len(labels))
    parts = []
    with evaluating():
        for first in range(0, len(flat), BATCH):
            some = slice(first, first + BATCH)
            batch = to_device(model, (flat[some], None if labels is None else labels[some]))
            parts.append(model.decode(*batch).cpu())
    return torch.cat(parts).numpy().reshape(*codes.shape[:-1], *model.input_shape)


def training_codes(
    model: Network, trained_on: Split | TrainedOn, at_most: int, label: int | None = None
) -> Array:
    """Return codes (n, D) of training examples, of one label if given."""
    trained_on = TrainedOn.of(trained_on)
    if saved := trained_on.substitute:
        codes: Array = saved.codes if label is None else saved.codes[saved.labels == label]
        return codes[draw_subset(np.arange(len(codes)), None, at_most)]
    split = trained_on.split
    index = split.train
    if label is not None and split.dataset.labels is not None:
        index = index[split.dataset.labels[index] == label]
    return encode(model, split.dataset, draw_subset(index, None, at_most, split.seed))


def draw_from_prior(model: Network, count: int, seed: int) -> Tensor:
    """Draw codes (count, D) from a model's prior, N(0, I) where it has none."""
    zeros = torch.zeros(model.latent_dim)
    with evaluating():
        prior = model.prior() or Normal(zeros, zeros)
        return prior.sample(torch.Size([count]), generator(seed, "samples")).cpu()


@stage("mixture of codes")
def draw_from_mixture(codes: Array, count: int, seed: int, what: str = _TRAINING) -> Tensor:
    """Fit a mixture of Gaussians to codes, and draw others from it.

    Parameters
    ----------
    codes : ndarray of float32
        (n, D) of training examples.
    count : int
        How many to draw.
    seed : int
        Draws them, and where the mixture begins.
    what : str
        Whose codes they are, for the message.

    Returns
    -------
    Tensor
        (count, D).

    Raises
    ------
    DataError
        If there are too few codes.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    kind = _check_enough(codes, what)
    # In units of their own deviation, so that what keeps variances above zero suits any codes.
    centre, scale = codes.mean(0, dtype=np.float64), codes.std(0, dtype=np.float64)
    scale[scale == 0] = 1
    mixture = GaussianMixture(
        COMPONENTS, covariance_type=kind, tol=1e-2, random_state=derive_seed(seed, "gmm") % 2**32
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # Codes that are all alike are no harm.
        mixture.fit((codes - centre) / scale)
    sampled = mixture.sample(count)[0]  # Sorted by component.
    shuffled = np.random.default_rng(derive_seed(seed, "order")).permutation(sampled)
    return torch.from_numpy((shuffled * scale + centre).astype(np.float32))


def mixture_codes(
    model: Network, trained_on: TrainedOn, count: int, labels: Tensor | None, seed: int
) -> Tensor:
    """Draw codes (count, D) from a mixture that is fitted to training codes.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    trained_on : TrainedOn
        What it was trained on.
    count : int
        How many.
    labels : Tensor or None
        (count,) labels, each of which has its own mixture; None for one mixture.
    seed : int
        Draws the codes, and where the mixture begins.

    Raises
    ------
    DataError
        If there are too few training codes.
    """
    whose = "test images, which stand in for missing training data"
    whose = _TRAINING if trained_on.substitute is None else whose
    if labels is None:
        return draw_from_mixture(training_codes(model, trained_on, MAX_CODES), count, seed, whose)
    codes = torch.empty(count, model.latent_dim)
    for label in sorted(set(labels.tolist())):
        known = training_codes(model, trained_on, MAX_CODES, label)
        what = f"{whose} with the label {trained_on.label_names[label]}"
        rows = labels == label
        codes[rows] = draw_from_mixture(known, int(rows.sum()), derive_seed(seed, label), what)
    return codes


def _check_enough(codes: Array, what: str) -> str:
    """Return the kind of covariance that fits codes (n, D), if there are enough of them."""
    count, dim = codes.shape
    full = dim <= FULL_UP_TO
    needed = COMPONENTS * (dim + 1 if full else 2)
    if count < needed:
        raise DataError(
            f"There are {count:,} {what}, too few for a mixture of {COMPONENTS} "
            f"Gaussians over codes of {dim} numbers",
            expected=f"{needed:,} at least",
            fix="Use more of them, or draw codes from elsewhere (latentscape sample --from prior).",
        )
    return "full" if full else "diag"
