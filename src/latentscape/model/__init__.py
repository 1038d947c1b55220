"""The model: blocks, latents, likelihoods and objectives, put together by a recipe."""

from latentscape.model.checks import check_values, uses_labels
from latentscape.model.network import Network
from latentscape.model.objectives import Objective, Pass, Player
from latentscape.model.scaling import scaled
from latentscape.model.terms.mmd import squared_mmd

__all__ = [
    "Network",
    "Objective",
    "Pass",
    "Player",
    "check_values",
    "scaled",
    "squared_mmd",
    "uses_labels",
]
