"""Likelihoods: the only place where the probability of an image given its code is written.

A likelihood reads what the decoder puts out, of the same shape as the images, and knows two
things: the mean image, and the log-probability of given images.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentscape.config import BernoulliConfig, GaussianConfig


@dataclass(frozen=True)
class Likelihood:
    """How a decoder's output is read as a distribution over images in [0, 1].

    Attributes
    ----------
    mean : callable
        Decoder output (B, *shape) to mean image (B, *shape).
    log_prob : callable
        (decoder output, images) to log-probability in nats, (B,), summed over pixels.
    needs_unit_range : bool
        Whether images must lie in [0, 1].
    """

    mean: Callable[[Tensor], Tensor]
    log_prob: Callable[[Tensor, Tensor], Tensor]
    needs_unit_range: bool


def build_likelihood(config: BernoulliConfig | GaussianConfig) -> Likelihood:
    """Build the likelihood that a config describes."""
    if isinstance(config, BernoulliConfig):
        return Likelihood(torch.sigmoid, _bernoulli_log_prob, needs_unit_range=True)
    mean = torch.sigmoid if config.mean == "sigmoid" else _identity

    def log_prob(output: Tensor, images: Tensor) -> Tensor:
        squared_error = (images - mean(output)).square()
        constant = 0.5 * math.log(2 * math.pi * config.variance)
        return -(squared_error / (2 * config.variance) + constant).flatten(1).sum(1)

    return Likelihood(mean, log_prob, needs_unit_range=config.mean == "sigmoid")


def _bernoulli_log_prob(output: Tensor, images: Tensor) -> Tensor:
    # From logits, so that a confident pixel neither overflows nor is cut off.
    return -F.binary_cross_entropy_with_logits(output, images, reduction="none").flatten(1).sum(1)


def _identity(output: Tensor) -> Tensor:
    return output
