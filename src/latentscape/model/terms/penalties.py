"""Penalties on single codes, on the encoder and on the decoder."""

import torch
from torch import Tensor

from latentscape.model.objectives import Pass


def sparsity(result: Pass) -> Tensor:
    """Sum of the absolute values of the code (Goodfellow et al. 2016, section 14.2.1).

    It leaves few of them away from zero.
    """
    return result.code.z.abs().sum(-1).mean()


def contraction(result: Pass) -> Tensor:
    """Squared norm of the encoder's Jacobian (Rifai et al. 2011), estimated without bias.

    For noise v with unit covariance the mean of |J v|^2 is the squared norm of J.
    """
    noise = torch.randn_like(result.inputs)
    moved: Tensor = torch.func.jvp(result.encode, (result.inputs,), (noise,))[1]
    return moved.square().sum(-1).mean()


def code_norm(result: Pass) -> Tensor:
    """Half the squared norm of the code (Ghosh et al. 2020, equation 6)."""
    return 0.5 * result.code.z.square().sum(-1).mean()


def decoder_norm(result: Pass) -> Tensor:
    """Squared norm of the decoder's weights (Ghosh et al. 2020, RAE-L2)."""
    return torch.stack([weight.square().sum() for weight in result.decoder.parameters()]).sum()
