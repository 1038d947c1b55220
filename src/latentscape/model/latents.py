"""Latents: from an encoder's features to the code z, and what that code costs."""

from dataclasses import dataclass

from torch import Tensor, nn

from latentscape.config import PointConfig
from latentscape.model.blocks import activation


@dataclass(frozen=True)
class Code:
    """A code and its rate.

    Attributes
    ----------
    z : Tensor
        (B, dim) what the decoder sees.
    rate : Tensor or None
        (B,) nats that the code costs; None where it has no prior to be measured against.
    """

    z: Tensor
    rate: Tensor | None = None


class PointLatent(nn.Module):
    """A deterministic code: a linear layer and an activation.

    Parameters
    ----------
    config : PointConfig
        Size and activation.
    features : int
        Width of the encoder's output.
    """

    def __init__(self, config: PointConfig, features: int) -> None:
        super().__init__()
        layers = [nn.Linear(features, config.dim), *activation(config.activation)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Code:
        """Return the code of features (B, F)."""
        return Code(self.mean(features))

    def mean(self, features: Tensor) -> Tensor:
        """Return the code without any sampling, (B, dim)."""
        code: Tensor = self.layers(features)
        return code
