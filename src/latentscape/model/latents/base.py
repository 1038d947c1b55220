"""What all latents share: from an encoder's features to the code z, and what that code costs.

Shapes: B examples, S codes drawn for each, D numbers in a code.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latentscape.config import LatentConfig, load
from latentscape.model.latents.distributions import Density, Normal, Prior

ACTIVE_VARIANCE = 0.01
"""Variance of a dimension's posterior mean over the data from which on it counts as active."""


@dataclass(frozen=True)
class Code:
    """A code, what it costs, and where it came from.

    Attributes
    ----------
    z : Tensor
        (B, D), or (S, B, D) where several were drawn: what the decoder sees.
    rate : Tensor or None
        (B,) nats that the code costs; None where it has no prior to be measured against.
    posterior : Normal or None
        (B, D) what z was drawn from.
    prior : Density or None
        What the rate was measured against.
    unquantised : Tensor or None
        (B, D) the vectors before the codebook replaced them.
    """

    z: Tensor
    rate: Tensor | None = None
    posterior: Normal | None = None
    prior: Density | None = None
    unquantised: Tensor | None = None


class Latent(nn.Module):
    """From features (B, F) to codes.

    Attributes
    ----------
    layers : nn.Sequential
        What is applied to the features.
    code_shape : tuple of int
        (D,), or (W, H', W') where the code is a map of vectors.
    numbers : int
        How many separate numbers one code holds: what a linear method may use beside it.
    about : str
        What follows the layers; empty where nothing does.
    """

    layers: nn.Sequential
    code_shape: tuple[int, ...]
    numbers: int
    about = ""

    @property
    def dim(self) -> int:
        """Length D of a code."""
        return math.prod(self.code_shape)

    def forward(self, features: Tensor, prior: Prior | None, samples: int) -> Code:
        """Return the codes of features (B, F), drawn where they are random."""
        raise NotImplementedError

    def mean(self, features: Tensor) -> Tensor:
        """Return the codes (B, D) of features (B, F) without any sampling."""
        raise NotImplementedError

    def posterior(self, features: Tensor) -> Normal:
        """Return the distribution of the codes (B, D) of features (B, F); see ``has_posterior``."""
        raise NotImplementedError

    def prior(self, encoder: nn.Module) -> Prior | None:
        """Return where codes come from before any image is seen; None where nothing says it."""
        return None

    def diagnose(self, features: Tensor) -> dict[str, float]:
        """Measure over features (B, F) whether the code is used."""
        return {}

    def collapse(self, measured: Mapping[str, float]) -> str | None:
        """Return a code word for how the code collapsed; None where it is used.

        Parameters
        ----------
        measured : mapping of str to float
            From `diagnose`.

        Returns
        -------
        str or None
            See `latentscape.runs.wording.describe_collapse`.
        """
        return None

    def snap(self, codes: Tensor) -> Tensor:
        """Return the possible codes (..., D) that are nearest to codes (..., D)."""
        return codes

    def is_decided(self, features: Tensor) -> Tensor:
        """Tell for which features (B, F) rounding cannot change the code: booleans (B,)."""
        return torch.ones(len(features), dtype=torch.bool, device=features.device)

    def forget_prior(self) -> None:
        """Delete what only the prior uses, before an encoder is exported."""

    def stock_layers(self) -> list[nn.Module]:
        """Return stock layers that together do what `mean` does; see ``no_stock_layers``."""
        raise NotImplementedError


def build_latent(
    config: LatentConfig, features_shape: tuple[int, ...], input_shape: tuple[int, ...]
) -> Latent:
    """Build the latent that settings describe.

    Parameters
    ----------
    config : LatentConfig
        The settings.
    features_shape : tuple of int
        Shape of the encoder's output before it was flattened.
    input_shape : tuple of int
        Shape of an example.
    """
    build = load(type(config).implementation)
    latent: Latent = build(config, features_shape, input_shape)
    return latent
