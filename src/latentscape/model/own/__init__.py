"""Encoders and decoders of the user's own: any ``nn.Module``, by name or as an object."""

from latentscape.model.own.building import own_decoder, own_encoder
from latentscape.model.own.giving import check_offered, give, offering
from latentscape.model.own.module import OwnModule, apart, misfit, own_in, raised, stock_modules
from latentscape.model.own.sources import with_sources

__all__ = [
    "OwnModule",
    "apart",
    "check_offered",
    "give",
    "misfit",
    "offering",
    "own_decoder",
    "own_encoder",
    "own_in",
    "raised",
    "stock_modules",
    "with_sources",
]
