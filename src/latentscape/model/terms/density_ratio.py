"""The dependence between the dimensions of the code, as a critic sees it."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from latentscape.model.objectives import Pass

CRITIC = "dependence_critic"


def density_ratio(result: Pass) -> Tensor:
    """Dependence between the dimensions of the code, by a critic (Kim and Mnih 2018, FactorVAE).

    A critic that tells codes from codes with permuted dimensions puts out, at its best, the log of
    the ratio of the aggregate posterior to the product of its marginals. Its mean is their total
    correlation.
    """
    ratios: Tensor = result.modules[CRITIC](result.code.z.flatten(0, -2))
    return ratios.mean()


def dependence_critic_loss(result: Pass) -> Tensor:
    """Return the cross-entropy of telling codes from codes with permuted dimensions.

    The paper permutes the codes of a second batch. Here one half of the batch is left as it is and
    the other is permuted, so that both are independent in the same way.
    """
    critic, z = result.modules[CRITIC], result.code.z.detach().flatten(0, -2)
    half = (len(z) + 1) // 2  # Of a single code both halves are that code.
    as_they_are, permuted = z[:half], permute_dimensions(z[-half:])
    return 0.5 * (softplus(-critic(as_they_are)).mean() + softplus(critic(permuted)).mean())


def permute_dimensions(codes: Tensor) -> Tensor:
    """Permute each column of codes (N, D) on its own (algorithm 1 of the paper)."""
    return codes.gather(0, torch.rand_like(codes).argsort(0))
