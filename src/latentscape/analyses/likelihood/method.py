"""The log-likelihood of test examples, by importance sampling."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Split
from latentscape.inference.batches import evaluating, stored, to_device
from latentscape.model import Network
from latentscape.model.latents import Density

VALUES_AT_ONCE = 1 << 21
"""Numbers that are worked on together, so that memory stays bounded: 8 MiB for each tensor."""

HIDDEN = 512
"""Numbers that an example takes within the decoder, at the least."""

EXAMPLES_AT_ONCE = 50

_Watch = Callable[[Sequence[Array]], Iterable[Array]]


def estimate_likelihood(
    model: Network, split: Split, samples: int, seed: int, watch: _Watch = iter
) -> dict[str, Any]:
    """Estimate the log-likelihood of the test examples (Burda et al. 2016, equation 8).

    The posterior proposes the codes. The estimate of a single example is a lower bound in the mean
    that rises with the number of samples.

    Parameters
    ----------
    model : Network
        With a gaussian latent; evaluating.
    split : Split
        Its test part is looked at.
    samples : int
        Importance samples per example.
    seed : int
        Draws them.
    watch : callable
        Is given the parts that are worked through, and hands them out: for a progress bar.

    Returns
    -------
    dict
        ``nll`` in nats per example and its standard error ``se`` over examples, ``bits_per_dim``,
        ``samples``, ``n``.

    Raises
    ------
    ConfigError
        If the model has no posterior to propose codes.
    """
    parts = np.array_split(split.test, math.ceil(len(split.test) / EXAMPLES_AT_ONCE))
    estimates = []
    with evaluating(), forked_random(derive_seed(seed, "likelihood"), model.device):
        for part in watch(parts):
            estimates.append(_log_likelihood(model, split, part, samples))
    found = torch.cat(estimates).numpy()
    pixels = math.prod(model.input_shape)
    nll = -float(found.mean())
    return {
        "nll": nll,
        "se": float(found.std(ddof=1)) / math.sqrt(len(found)) if len(found) > 1 else None,
        "bits_per_dim": nll / math.log(2) / pixels,
        "samples": samples,
        "n": len(found),
    }


def _log_likelihood(model: Network, split: Split, index: NDArray[np.int64], samples: int) -> Tensor:
    """Return the estimates (B,) of some examples, in float64."""
    images, labels = to_device(model, stored(split.dataset, index))
    target, posterior, prior = model.scale(images), model.posterior(images, labels), model.prior()
    density = cast(Density, prior)  # A model with a posterior has one.
    widest = max(math.prod(model.input_shape), density.workspace, HIDDEN)
    at_once = max(1, VALUES_AT_ONCE // (len(target) * widest))
    weights = []
    for first in range(0, samples, at_once):
        z = posterior.sample(torch.Size([min(at_once, samples - first)]))
        log_prob = model.likelihood.log_prob(model.outputs(z, labels), target)
        weights.append(log_prob.double() + density.log_prob(z) - posterior.log_prob(z))
    return (torch.logsumexp(torch.cat(weights), 0) - math.log(samples)).cpu()
