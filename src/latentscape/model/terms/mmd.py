"""The maximum mean discrepancy between codes and the prior."""

import torch
from torch import Tensor

from latentscape.model.objectives import Pass


def mmd(result: Pass) -> Tensor:
    """Maximum mean discrepancy between codes and the prior (Tolstikhin et al. 2018, WAE).

    With the inverse multiquadratic kernel of their section 4. The prior of a latent without one is
    taken to be N(0, I). Zhao et al. (2019, InfoVAE) use the term beside a posterior.
    """
    z = result.code.z.flatten(0, -2)
    return squared_mmd(z, prior_codes(result, z))


def prior_codes(result: Pass, z: Tensor) -> Tensor:
    """Draw as many codes (..., D) from the prior as there are; from N(0, I) without one."""
    if result.code.prior is None:
        return torch.randn_like(z)
    return result.code.prior.sample(z.shape[:-1])


def squared_mmd(first: Tensor, second: Tensor) -> Tensor:
    """Return an unbiased estimate of the squared discrepancy of codes (N, D) and (M, D)."""
    scale = 2.0 * first.shape[1]

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
        return scale / (scale + squared.clamp_min(0))

    def within(a: Tensor) -> Tensor:
        # An example is always 1 like itself, which says nothing.
        return (kernel(a, a).sum() - len(a)) / max(1, len(a) * (len(a) - 1))

    return within(first) + within(second) - 2 * kernel(first, second).mean()
