"""Samples: codes drawn from a prior or from a mixture fitted to training codes, and decoded."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.config import GaussianLatentConfig
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.randomness import derive_seed, generator
from latentscape.core.records import Array, Split
from latentscape.inference.batches import BATCH, evaluating, subsample, to_device
from latentscape.inference.codec import encode
from latentscape.model import Network
from latentscape.model.latents import Normal

SOURCES = ("prior", "gmm", "vamp")
"""What codes can be asked from."""

COMPONENTS = 10
FULL_UP_TO = 64
"""Longest code for which the Gaussians of a mixture have a full covariance."""

MAX_CODES = 10_000

Batch = tuple[Tensor, Tensor | None]
"""Stored images (n, *shape) and their labels (n,)."""

_ABOUT = {
    "prior": "the prior N(0, I)",
    "vamp": "the VampPrior, the mixture of the posteriors of the trained pseudo-inputs",
    "gmm": f"a mixture of {COMPONENTS} Gaussians fitted to the codes of training images",
    "normal": "N(0, I), which is not a prior of this model: it was never trained on such codes",
    "mmd": "N(0, I), which the term mmd drew the codes of training images towards",
    "codebook": "the uniform prior, each position any vector of the codebook with the same chance: "
    "which vectors go together was not learnt",
}


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images that a model made, and what they show.

    Attributes
    ----------
    images : ndarray of float32
        (..., *shape) on the scale 0 to 1.
    facts : dict
        JSON-able; ``about`` says in plain words what the images show.
    """

    images: Array
    facts: dict[str, Any]

    @property
    def about(self) -> str:
        """What the images show, in plain words."""
        return str(self.facts["about"])


def draw_samples(
    model: Network,
    split: Split,
    count: int,
    seed: int,
    source: str | None = None,
    label: str | None = None,
) -> Pictures:
    """Draw codes and decode them to their mean images.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
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
    Pictures
        ``images`` (count, *shape). ``facts``: ``source`` (``prior``, ``vamp``, ``gmm``; ``normal``
        is N(0, I) for a model that was not trained on it), ``about``, and ``labels``, the name of
        each one's label or None.

    Raises
    ------
    ConfigError
        If the model does not have that source or that label.
    DataError
        If there are too few training codes for a mixture.
    """
    chosen = choose_source(model, source)
    labels = choose_labels(model, split, count, label)
    if chosen == "gmm":
        codes = _mixture_codes(model, split, count, labels, seed)
    else:
        codes = draw_from_prior(model, count, seed)
    names = None if labels is None else [split.dataset.label_names[i] for i in labels]
    facts = {"source": chosen, "labels": names}
    facts["about"] = _about(model, split, facts, label, seed)
    return Pictures(decode(model, codes, labels), facts)


def choose_source(model: Network, asked: str | None = None) -> str:
    """Return where codes of a model come from: ``prior``, ``vamp``, ``gmm`` or ``normal``.

    Raises
    ------
    ConfigError
        If the model does not have the source that was asked for.
    """
    if asked is not None and asked not in SOURCES:
        raise unknown("source of codes", asked, SOURCES, ConfigError)
    kind, prior = model.config.latent.kind, _prior_name(model)
    if asked == "vamp" and prior != "vamp":
        raise ConfigError(
            "This model has no VampPrior",
            expected="a model with model.latent.prior vamp, such as vamp-vae",
            fix="Draw from elsewhere: --from prior, or --from gmm.",
        )
    if asked == "gmm" and kind == "vq":
        raise ConfigError(
            "A mixture of Gaussians gives codes that lie between the vectors of the codebook, and "
            "the decoder of a vq latent has seen nothing but these vectors",
            fix="Draw from its uniform prior: --from prior.",
        )
    if asked == "gmm" or (asked is None and prior == "normal"):
        return "gmm"
    return prior


def has_standard_prior(model: Network) -> bool:
    """Tell whether the rate of a model's codes is measured against N(0, I)."""
    latent = model.config.latent
    return isinstance(latent, GaussianLatentConfig) and latent.prior == "standard"


def choose_labels(
    model: Network, split: Split, count: int, label: str | None = None
) -> Tensor | None:
    """Return the labels (count,) that a conditional model decodes with; None for other models.

    Without `label`, those that training examples had take turns.

    Raises
    ------
    ConfigError
        If the model takes no labels or was not trained on this one.
    """
    if label is not None:
        return torch.full((count,), find_label(model, split, label))
    if not model.config.condition:
        return None
    known = torch.from_numpy(_trained_labels(split))
    return known[torch.arange(count) % len(known)]


def find_label(model: Network, split: Split, name: str) -> int:
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
    names = split.dataset.label_names
    known = [names[index] for index in _trained_labels(split)]
    if name not in names:
        raise unknown("label", name, known, ConfigError)
    if name not in known:
        raise ConfigError(
            f"No training example had the label {name!r}, so that the model does not know it",
            expected=f"one of {', '.join(known)}",
        )
    return names.index(name)


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


def training_codes(model: Network, split: Split, at_most: int, label: int | None = None) -> Array:
    """Return codes (n, D) of training examples, of one label if given, spread over the part."""
    index = split.train
    if label is not None and split.dataset.labels is not None:
        index = index[split.dataset.labels[index] == label]
    return encode(model, split.dataset, subsample(index, at_most))


def draw_from_prior(model: Network, count: int, seed: int) -> Tensor:
    """Draw codes (count, D) from a model's prior, N(0, I) where it has none."""
    zeros = torch.zeros(model.latent_dim)
    with evaluating():
        prior = model.prior() or Normal(zeros, zeros)
        return prior.sample(torch.Size([count]), generator(seed, "samples")).cpu()


def draw_from_mixture(codes: Array, count: int, seed: int, what: str = "") -> Tensor:
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
        Which examples they are, to end "training examples" in a message.

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
    # In units of their own spread, so that what keeps variances above zero suits any codes.
    centre, spread = codes.mean(0, dtype=np.float64), codes.std(0, dtype=np.float64)
    spread[spread == 0] = 1
    mixture = GaussianMixture(
        COMPONENTS, covariance_type=kind, tol=1e-2, random_state=derive_seed(seed, "gmm") % 2**32
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # Codes that are all alike are no harm.
        mixture.fit((codes - centre) / spread)
    drawn = mixture.sample(count)[0]  # Sorted by component.
    shuffled = np.random.default_rng(derive_seed(seed, "order")).permutation(drawn)
    return torch.from_numpy((shuffled * spread + centre).astype(np.float32))


def _prior_name(model: Network) -> str:
    """Name what codes are drawn from without looking at data; ``normal`` where nothing says it."""
    if model.config.latent.kind == "point" and "mmd" not in model.objective.weights:
        return "normal"
    vamp = model.config.latent.kind == "gaussian" and not has_standard_prior(model)
    return "vamp" if vamp else "prior"


def _trained_labels(split: Split) -> NDArray[np.int64]:
    assert split.dataset.labels is not None
    return np.unique(split.dataset.labels[split.train])


def _mixture_codes(
    model: Network, split: Split, count: int, labels: Tensor | None, seed: int
) -> Tensor:
    """Draw codes (count, D) from a mixture, or from one for each label."""
    if labels is None:
        return draw_from_mixture(training_codes(model, split, MAX_CODES), count, seed, "")
    codes = torch.empty(count, model.latent_dim)
    for label in sorted(set(labels.tolist())):
        known = training_codes(model, split, MAX_CODES, label)
        what = f" with the label {split.dataset.label_names[label]}"
        wanted = labels == label
        codes[wanted] = draw_from_mixture(known, int(wanted.sum()), derive_seed(seed, label), what)
    return codes


def _check_enough(codes: Array, what: str) -> str:
    """Return the kind of covariance that fits codes (n, D), if there are enough of them."""
    count, dim = codes.shape
    full = dim <= FULL_UP_TO
    needed = COMPONENTS * (dim + 1 if full else 2)
    if count < needed:
        raise DataError(
            f"There are {count:,} training examples{what}, too few for a mixture of {COMPONENTS} "
            f"Gaussians over codes of {dim} numbers",
            expected=f"{needed:,} at least",
            fix="Train on more, or draw codes from elsewhere (latentscape sample --from prior).",
        )
    return "full" if full else "diag"


def _about(
    model: Network, split: Split, facts: dict[str, Any], label: str | None, seed: int
) -> str:
    source, kind = facts["source"], model.config.latent.kind
    name = {"point": "mmd", "vq": "codebook"}.get(kind, source) if source == "prior" else source
    what, each = "Images", ""
    if label is not None:
        what = f"Images of the label {label},"
    elif model.config.condition:
        names = [split.dataset.label_names[index] for index in _trained_labels(split)]
        what = f"Images whose labels take turns ({', '.join(names)}),"
        each = ", one for each label" if source == "gmm" else ""
    return f"{what} decoded from codes drawn from {_ABOUT[name]}{each}. Seed {seed}."
