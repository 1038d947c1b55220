"""The latent of a variational autoencoder: a normal distribution of codes for each image."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from latentscape.config import GaussianLatentConfig
from latentscape.model.latents.base import ACTIVE_VARIANCE, Code, Latent
from latentscape.model.latents.distributions import Mixture, Normal, Prior


class GaussianLatent(Latent):
    """A normal posterior, with N(0, I) or a VampPrior before it (Kingma and Welling 2014).

    Parameters
    ----------
    config : GaussianLatentConfig
        Size and prior.
    features_shape : tuple of int
        Shape of the encoder's output before it was flattened.
    input_shape : tuple of int
        Shape of an example, for pseudo-inputs.
    """

    def __init__(
        self,
        config: GaussianLatentConfig,
        features_shape: tuple[int, ...],
        input_shape: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(math.prod(features_shape), 2 * config.dim))
        self.code_shape, self.numbers = (config.dim,), config.dim
        self.about = "mean and log-variance"
        self.pseudo_inputs: nn.Parameter | None = None
        if config.prior == "vamp":
            # Logits of pixels: all nearly black at first, no two alike.
            start = torch.randn(config.pseudo_inputs, *input_shape) - 2
            self.pseudo_inputs = nn.Parameter(start)
            self.about += f", {config.pseudo_inputs} pseudo-inputs"

    def forward(self, features: Tensor, prior: Prior | None, samples: int) -> Code:
        """Draw `samples` codes for each example; the rate is exact against N(0, I)."""
        assert isinstance(prior, Normal | Mixture)
        posterior = self.posterior(features)
        z = posterior.sample(torch.Size([samples] if samples > 1 else []))
        if isinstance(prior, Normal):
            rate = posterior.rate().sum(-1)
        else:
            rate = posterior.log_prob(z) - prior.log_prob(z)
            rate = rate.mean(0) if samples > 1 else rate
        return Code(z, rate, posterior, prior)

    def mean(self, features: Tensor) -> Tensor:
        """Return the mean of the posterior."""
        return self.posterior(features).mean

    def posterior(self, features: Tensor) -> Normal:
        """Return the distribution of the codes, (B, D)."""
        # Densities are sums of many terms: in full precision, whatever the layers computed in.
        mean, log_variance = self.layers(features).float().chunk(2, -1)
        return Normal(mean, log_variance)

    def prior(self, encoder: nn.Module) -> Normal | Mixture:
        """Return N(0, I), or the mixture of what the encoder makes of the pseudo-inputs."""
        if self.pseudo_inputs is None:
            zeros = self.layers[0].weight.new_zeros(self.dim)  # type: ignore[operator]
            return Normal(zeros, zeros)
        return Mixture(self.posterior(encoder(torch.sigmoid(self.pseudo_inputs))))

    def diagnose(self, features: Tensor) -> dict[str, float]:
        """Count the dimensions whose mean moves with the image (Burda et al. 2016, section 5)."""
        if len(features) < 2:
            return {}
        active = self.mean(features).var(0) > ACTIVE_VARIANCE
        return {"active_units": float(active.sum())}

    def collapse(self, measured: Mapping[str, float]) -> str | None:
        """Notice that no dimension of the code moves with the image."""
        return None if measured["active_units"] else "posterior"

    def forget_prior(self) -> None:
        """Delete the pseudo-inputs."""
        self.pseudo_inputs = None

    def stock_layers(self) -> list[nn.Module]:
        """Return the linear map to the posterior mean."""
        whole = self.layers[0]
        assert isinstance(whole, nn.Linear)
        mean = nn.Linear(whole.in_features, self.dim, device="meta")  # Draws no weights.
        # The rows after these give the log-variances.
        mean.weight, mean.bias = (nn.Parameter(p[: self.dim]) for p in (whole.weight, whole.bias))
        return [mean]
