"""Images as a critic sees them: how real they look, and how alike their features are."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from latentscape.model.critic import Critic
from latentscape.model.objectives import Pass
from latentscape.model.terms.mmd import prior_codes

CRITIC = "image_critic"


def feature_reconstruction(result: Pass) -> Tensor:
    """Half the squared error of the reconstruction in features of a critic (Larsen et al. 2016).

    Up to a constant it is the negative log-likelihood under a normal distribution of variance 1
    around the features of the reconstruction (VAE-GAN, equation 8). The features are what the body
    of the critic puts out.
    """
    features = _critic(result).features(mean_images(result, result.output))
    with torch.no_grad():
        expected = _critic(result).features(result.target)
    errors = features.reshape(-1, *expected.shape) - expected
    return 0.5 * errors.square().sum(-1).mean()


def adversarial_images(result: Pass) -> Tensor:
    """Surprise of a critic that decoded images are real (Larsen et al. 2016, VAE-GAN).

    It is -log D of reconstructions, and of samples where codes have a distribution. Its gradient
    reaches the decoder alone, as in algorithm 1 of the paper. There the decoder weights the error
    of features by gamma, and the encoder does not: with a weight of 1/gamma on this term both get
    the directions of the paper, whose length the usual optimizers ignore.
    """
    outputs = [result.decode(result.code.z.detach()), *result.once(_samples)]
    return torch.stack([softplus(-_judged(result, output)).mean() for output in outputs]).sum()


def image_critic_loss(result: Pass) -> Tensor:
    """Return the cross-entropy of telling images from reconstructions and from samples."""
    decoded = [output.detach() for output in (result.output, *result.once(_samples))]
    losses = [softplus(_judged(result, output)).mean() for output in decoded]
    return torch.stack([softplus(-_critic(result)(result.target)).mean(), *losses]).sum()


def mean_images(result: Pass, output: Tensor) -> Tensor:
    """Return the mean images (N, *shape) of outputs (..., B, *shape)."""
    return result.likelihood.mean(output.float()).reshape(-1, *result.target.shape[1:])


def _samples(result: Pass) -> list[Tensor]:
    """Decode as many codes of the prior as there are; none where codes have no distribution."""
    if result.code.posterior is None:
        return []
    return [result.decode(prior_codes(result, result.code.z).detach())]


def _critic(result: Pass) -> Critic:
    critic = result.modules[CRITIC]
    assert isinstance(critic, Critic)
    return critic


def _judged(result: Pass, output: Tensor) -> Tensor:
    numbers: Tensor = _critic(result)(mean_images(result, output))
    return numbers
