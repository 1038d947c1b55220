"""The codes of images against those of the prior, as a critic tells them apart."""

from torch import Tensor
from torch.nn.functional import softplus

from latentscape.model.objectives import Pass
from latentscape.model.terms.mmd import prior_codes

CRITIC = "prior_critic"


def adversarial_prior(result: Pass) -> Tensor:
    """Surprise of a critic that codes come from the prior (Makhzani et al. 2015, AAE).

    It is -log D(z), where D(z) is the critic's probability that z was drawn from the prior: the
    loss that does not saturate (Goodfellow et al. 2014). Tolstikhin et al. (2018, WAE-GAN) weight
    the same term.
    """
    z = result.code.z.flatten(0, -2)
    return softplus(-result.modules[CRITIC](z)).mean()


def prior_critic_loss(result: Pass) -> Tensor:
    """Return the cross-entropy of telling codes of the prior from those of images."""
    critic, z = result.modules[CRITIC], result.code.z.detach().flatten(0, -2)
    from_prior = softplus(-critic(prior_codes(result, z).detach())).mean()
    return from_prior + softplus(critic(z)).mean()
