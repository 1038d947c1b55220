"""The latent of a plain autoencoder: one code for each image."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from latentscape.config import PointConfig
from latentscape.model.blocks import activation
from latentscape.model.latents.base import Code, Latent
from latentscape.model.latents.distributions import Prior


class Sphere(nn.Module):
    """Gives vectors (B, D) the length sqrt(D), so that their numbers have mean square one."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Return vectors of the same direction."""
        return F.normalize(vectors, dim=-1) * math.sqrt(vectors.shape[-1])


class PointLatent(Latent):
    """A deterministic code: a linear layer and an activation.

    Parameters
    ----------
    config : PointConfig
        Size and activation.
    features_shape : tuple of int
        Shape of the encoder's output before it was flattened.
    input_shape : tuple of int
        Shape of an example; not needed.
    """

    def __init__(
        self, config: PointConfig, features_shape: tuple[int, ...], input_shape: tuple[int, ...]
    ) -> None:
        super().__init__()
        features = math.prod(features_shape)
        last = [Sphere()] if config.activation == "sphere" else activation(config.activation)
        self.layers = nn.Sequential(nn.Linear(features, config.dim), *last)
        self.code_shape, self.numbers = (config.dim,), config.dim

    def forward(self, features: Tensor, prior: Prior | None, samples: int) -> Code:
        """Return the code."""
        return Code(self.mean(features))

    def mean(self, features: Tensor) -> Tensor:
        """Return the code."""
        code: Tensor = self.layers(features).float()
        return code

    def stock_layers(self) -> list[nn.Module]:
        """Return the layers as they are."""
        return [*self.layers]
