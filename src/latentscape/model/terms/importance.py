"""Importance-weighted bounds on the likelihood."""

import math

import torch
from torch import Tensor

from latentscape.model.objectives import Pass


def importance(result: Pass) -> Tensor:
    """Negative importance-weighted bound with S samples (Burda et al. 2016, equation 8)."""
    weights = log_weights(result)
    return -(torch.logsumexp(weights, 0) - math.log(len(weights))).mean()


def importance_dreg(result: Pass) -> Tensor:
    """Negative bound of `importance`, with other gradients (Tucker et al. 2019, equation 8).

    They are doubly reparameterised: the encoder's share of each weight reaches it through the code
    alone, and counts squared.
    """
    z = result.code.z
    weights = log_weights(result, detach_posterior=True)
    shares = torch.softmax(weights.detach(), 0)
    if z.requires_grad:
        squared = shares.reshape(*z.shape[:-1], 1)
        z.register_hook(lambda gradient: gradient * squared)  # type: ignore[no-untyped-call]
    bound = torch.logsumexp(weights.detach(), 0) - math.log(len(weights))
    surrogate = (shares * weights).sum(0)
    # The value of the bound, with the gradient of the surrogate.
    return -(bound + surrogate - surrogate.detach()).mean()


def log_weights(result: Pass, detach_posterior: bool = False) -> Tensor:
    """Return log p(x, z) - log q(z | x) of each drawn code, (S, B)."""
    code = result.code
    assert code.posterior is not None
    assert code.prior is not None
    posterior = code.posterior.detach() if detach_posterior else code.posterior
    log_likelihood = result.likelihood.log_prob(result.output, result.target)
    weights = log_likelihood + code.prior.log_prob(code.z) - posterior.log_prob(code.z)
    return weights if weights.dim() == 2 else weights[None]
