"""The model: blocks, latents, likelihoods and objectives, put together by a recipe."""

from latentscape.model.autoencoder import Autoencoder

__all__ = ["Autoencoder"]
