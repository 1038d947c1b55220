"""The dependence between the dimensions of the code."""

import math

import torch
from torch import Tensor

from latentscape.model.objectives import Pass


def total_correlation(result: Pass) -> Tensor:
    """Dependence between the dimensions of the code (Chen et al. 2018, beta-TC-VAE).

    The aggregate posterior is taken to be the mixture of the batch's posteriors, which differs from
    the paper's minibatch-weighted sampling by a constant: the gradient is the same.
    """
    posterior = result.code.posterior
    assert posterior is not None
    z = result.code.z.flatten(0, -2)
    distance = (z[:, None] - posterior.mean).square() * torch.exp(-posterior.log_variance)
    each = -0.5 * (distance + posterior.log_variance + math.log(2 * math.pi))  # (codes, B, D)
    size = math.log(len(posterior.mean))
    joint = torch.logsumexp(each.sum(-1), 1) - size
    single = (torch.logsumexp(each, 1) - size).sum(-1)
    return (joint - single).mean()
