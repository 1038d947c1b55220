"""Images between images, as a critic tells how far between they are."""

import torch
from torch import Tensor

from latentscape.model.objectives import Pass
from latentscape.model.terms.adversarial_images import mean_images

CRITIC = "interpolation_critic"

BLENDED_IN = 0.2
"""Share of the image in what the critic has to see no other code in (gamma of the paper)."""


def adversarial_interpolation(result: Pass) -> Tensor:
    """Squared share of another image that a critic sees in a mixture (Berthelot et al. 2019, ACAI).

    Codes are mixed with others, up to a half, and decoded. The critic learns to tell how much of
    the other code an image has in it: none, if it looks like a reconstruction.
    """
    output, _ = result.once(interpolated)
    shares: Tensor = result.modules[CRITIC](mean_images(result, output))
    return shares.square().mean()


def interpolation_critic_loss(result: Pass) -> Tensor:
    """Return the squared errors of the critic's shares.

    Those of mixed codes are known. That of a reconstruction is 0; some of its image is blended into
    it, so that the critic learns what is real while reconstructions are poor (equation 2).
    """
    output, shares = result.once(interpolated)
    critic, reconstruction = result.modules[CRITIC], mean_images(result, result.output.detach())
    targets = result.target.expand(*result.code.z.shape[:-1], *result.target.shape[1:])
    blend = reconstruction.lerp(targets.reshape(reconstruction.shape), BLENDED_IN)
    of_mixed, of_blend = critic(mean_images(result, output.detach())), critic(blend)
    error: Tensor = (of_mixed - shares).square().mean() + of_blend.square().mean()
    return error


def interpolated(result: Pass) -> tuple[Tensor, Tensor]:
    """Mix codes with those of the batch in reverse: decoder's outputs, and the shares (N,)."""
    z = result.code.z
    shares = 0.5 * torch.rand_like(z[..., :1])
    return result.decode(torch.lerp(z, z.flip(-2), shares)), shares.flatten()
