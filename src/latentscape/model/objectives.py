"""Objectives: named terms over one forward pass, and their weighted sum.

A term is a function from a `Pass` to nats per example, averaged over examples. A variant of an
autoencoder is a choice of terms.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latentscape.config import TERMS, ObjectiveConfig, load
from latentscape.core.records import LossTerms
from latentscape.model.latents import Code
from latentscape.model.likelihoods import Likelihood


@dataclass(frozen=True)
class Pass:
    """All that a forward pass leaves behind for the terms to read.

    Attributes
    ----------
    target : Tensor
        (B, *shape) images in [0, 1] that are to be reconstructed.
    inputs : Tensor
        (B, *shape) what the encoder sees of them.
    labels : Tensor or None
        (B,) their labels.
    code : Code
        The latent code.
    output : Tensor
        (B, *shape), or (S, B, *shape) where several codes were drawn: what the decoder put out.
    likelihood : Likelihood
        How to read the output.
    corrupt : callable
        From images (B, *shape) to what the encoder sees of them, drawn anew at each call.
    encode : callable
        From images (B, *shape) to codes (B, D), without sampling.
    decoder : nn.Module
        The decoder, for its weights.
    modules : mapping of str to nn.Module
        The modules that belong to terms, by the names in the registry.
    objective : ObjectiveConfig
        The terms, their weights and schedules.
    epoch : float
        How many epochs have been trained; infinite after all schedules.
    """

    target: Tensor
    inputs: Tensor
    labels: Tensor | None
    code: Code
    output: Tensor
    likelihood: Likelihood
    corrupt: Callable[[Tensor], Tensor]
    encode: Callable[[Tensor], Tensor]
    decoder: nn.Module
    modules: Mapping[str, nn.Module]
    objective: ObjectiveConfig
    epoch: float


def evaluate_terms(result: Pass) -> LossTerms:
    """Compute every term of an objective and their weighted sum."""
    config = result.objective
    terms: dict[str, Tensor] = {
        name: load(TERMS[name].implementation)(result) for name in config.weights
    }
    warmth = min(1.0, result.epoch / config.rate_warmup) if config.rate_warmup else 1.0
    weighted = [
        weight * (warmth if name == "rate" else 1.0) * terms[name]
        for name, weight in config.weights.items()
    ]
    return LossTerms(torch.stack(weighted).sum(), terms)
