"""The log-likelihood of test examples, by importance sampling."""

import math
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.analyses.comparison import Comparison
from latentscape.analyses.likelihood.result import (
    Likelihood,
    LikelihoodProtocol,
    LikelihoodSettings,
)
from latentscape.core.errors import ConfigError
from latentscape.core.progress import stage
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.evaluation.likelihood_kinds import likelihood_kind
from latentscape.inference.batches import evaluating, stored, to_device
from latentscape.model import Network
from latentscape.model.latents import Density

MAX_VALUES = 1 << 21
"""Numbers that are worked on together, so that memory stays bounded: 8 MiB for each tensor."""

MIN_WIDTH = 512
"""Numbers that an example takes within the decoder, at the least."""

MAX_EXAMPLES = 50
"""Examples that are worked on together."""


def measure_likelihood(comparison: Comparison, settings: LikelihoodSettings) -> Likelihood:
    """Estimate the log-likelihood of the test examples of a run.

    Parameters
    ----------
    comparison : Comparison
        With the run of a variational autoencoder.
    settings : LikelihoodSettings
        How.

    Raises
    ------
    ConfigError
        If the model has no likelihood that could be estimated so.
    DataError
        If the data have changed, or leave the range that can be binarised.
    """
    model, opened = comparison.model, comparison.opened
    assert opened is not None  # It has a model.
    _check(model)
    recipe = opened.recipe
    binarize = settings.binarize or recipe.data.binarize
    pixel_seed = derive_seed(settings.seed, "pixels") if binarize == "dynamic" else None
    split = opened.split_with(binarize, pixel_seed).limited()
    if settings.examples is not None:
        split = replace(split, test=split.subset("test", settings.examples))
    estimates = estimate_likelihood(model, split, settings.samples, settings.seed)
    n, nll, kind = len(estimates), -float(estimates.mean()), likelihood_kind(model, split)
    bits = nll / math.log(2) / math.prod(model.input_shape)
    return Likelihood(
        settings=settings,
        protocol=LikelihoodProtocol(
            n=n,
            subset="drawn",
            binarize=binarize,
            trained_on=recipe.data.binarize,
            is_conditional=bool(recipe.model.condition),
            likelihood=kind,
        ),
        nll=nll,
        se=float(estimates.std(ddof=1)) / math.sqrt(n) if n > 1 else None,
        bits_per_dim=bits if kind.of == "probability" else None,
    )


def estimate_likelihood(
    model: Network, split: Split, samples: int, seed: int
) -> NDArray[np.float64]:
    """Estimate the log-likelihood of the test examples (Burda et al. 2016, equation 8).

    The posterior proposes the codes. The estimate of a single example is a lower bound in the mean
    that rises with the number of samples.

    Parameters
    ----------
    model : Network
        With a posterior; evaluating.
    split : Split
        Its test part is looked at.
    samples : int
        Importance samples per example.
    seed : int
        Draws them.

    Returns
    -------
    ndarray of float64
        (n,) in nats, of each example.
    """
    pieces = np.array_split(split.test, math.ceil(len(split.test) / MAX_EXAMPLES))
    with evaluating(), forked_random(derive_seed(seed, "likelihood"), model.device):
        estimates = []
        with stage(
            "likelihood", len(split.test), detail=f"{samples:,} samples for each image"
        ) as work:
            for index in pieces:
                estimates.append(_log_likelihood(model, split, index, samples))
                work.advance(len(index))
    log_likelihoods: NDArray[np.float64] = torch.cat(estimates).numpy()
    return log_likelihoods


def _check(model: Network) -> None:
    latent = model.config.latent
    if not latent.has_posterior:
        raise ConfigError(
            f"A model with a latent of kind {latent.kind} gives images no likelihood that "
            "importance samples could estimate",
            expected="a variational autoencoder, such as vae-20",
        )


def _log_likelihood(model: Network, split: Split, index: NDArray[np.int64], samples: int) -> Tensor:
    """Return the estimates (B,) of some examples, in float64."""
    images, labels = to_device(model, stored(split.dataset, index))
    target, posterior, prior = model.scale(images), model.posterior(images, labels), model.prior()
    density = cast(Density, prior)  # A model with a posterior has one.
    widest = max(math.prod(model.input_shape), density.workspace, MIN_WIDTH)
    at_once = max(1, MAX_VALUES // (len(target) * widest))
    weights = []
    for first in range(0, samples, at_once):
        z = posterior.sample(torch.Size([min(at_once, samples - first)]))
        log_prob = model.likelihood.log_prob(model.outputs(z, labels), target)
        weights.append(log_prob.double() + density.log_prob(z) - posterior.log_prob(z))
    return (torch.logsumexp(torch.cat(weights), 0) - math.log(samples)).cpu()
