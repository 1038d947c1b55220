"""The model: blocks, latents, likelihoods and objectives, put together by a recipe."""

from latentscape.model.network import Network, scaled, uses_labels
from latentscape.model.objectives import Pass, evaluate_terms, squared_mmd

__all__ = ["Network", "Pass", "evaluate_terms", "scaled", "squared_mmd", "uses_labels"]
