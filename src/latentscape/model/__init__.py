"""The model: blocks, latents, likelihoods and objectives, put together by a recipe."""

from latentscape.model.autoencoder import Autoencoder, scaled

__all__ = ["Autoencoder", "scaled"]
