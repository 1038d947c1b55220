"""Objectives: named terms over one forward pass, and their weighted sum."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentscape.config import ObjectiveConfig
from latentscape.model.latents import Code
from latentscape.model.likelihoods import Likelihood
from latentscape.records import LossTerms


@dataclass(frozen=True)
class Pass:
    """All that a forward pass leaves behind for the terms to read.

    Attributes
    ----------
    target : Tensor
        (B, *shape) images in [0, 1] that are to be reconstructed.
    code : Code
        The latent code.
    output : Tensor
        (B, *shape) what the decoder put out.
    likelihood : Likelihood
        How to read the output.
    """

    target: Tensor
    code: Code
    output: Tensor
    likelihood: Likelihood


def reconstruction(result: Pass) -> Tensor:
    """Negative log-likelihood of the target, in nats per example."""
    return -result.likelihood.log_prob(result.output, result.target).mean()


TERMS: dict[str, Callable[[Pass], Tensor]] = {"reconstruction": reconstruction}


def evaluate_terms(config: ObjectiveConfig, result: Pass) -> LossTerms:
    """Compute every term of an objective and their weighted sum."""
    terms: dict[str, Tensor] = {name: TERMS[name](result) for name in config.weights}
    weighted = [weight * terms[name] for name, weight in config.weights.items()]
    return LossTerms(torch.stack(weighted).sum(), terms)
