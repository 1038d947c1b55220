"""Latents: a module for each kind, and what all of them share.

The kinds are registered in `latentscape.config.latents`.
"""

from latentscape.model.latents.base import ACTIVE_VARIANCE, Code, Latent, build_latent
from latentscape.model.latents.distributions import Density, Mixture, Normal, Prior

__all__ = [
    "ACTIVE_VARIANCE",
    "Code",
    "Density",
    "Latent",
    "Mixture",
    "Normal",
    "Prior",
    "build_latent",
]
