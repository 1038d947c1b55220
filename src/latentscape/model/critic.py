"""Critics: networks that tell codes or images apart, and that an autoencoder learns to deceive."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from latentscape.config import BodyConfig, ModelConfig, ObjectiveConfig
from latentscape.model.blocks import build_encoder


class Critic(nn.Module):
    """A body, and one linear layer that puts out a number for each example.

    Parameters
    ----------
    config : BodyConfig
        The body.
    shape : sequence of int
        Of what it looks at.
    """

    def __init__(self, config: BodyConfig, shape: Sequence[int]) -> None:
        super().__init__()
        self.body, features = build_encoder(config, shape)
        self.head = nn.Linear(math.prod(features), 1)

    def features(self, values: Tensor) -> Tensor:
        """Return what the body makes of codes or images (B, *shape): (B, F)."""
        features: Tensor = self.body(values)
        return features

    def forward(self, values: Tensor) -> Tensor:
        """Return a number (B,) for each of the codes or images (B, *shape)."""
        numbers: Tensor = self.head(self.features(values))
        return numbers.squeeze(-1)


def code_critic(objective: ObjectiveConfig, model: ModelConfig, latent_dim: int) -> Critic:
    """Build a critic of codes."""
    return Critic(objective.critics.codes, (latent_dim,))


def image_critic(objective: ObjectiveConfig, model: ModelConfig, latent_dim: int) -> Critic:
    """Build a critic of images."""
    assert model.input is not None
    return Critic(objective.critics.images, model.input.shape)
