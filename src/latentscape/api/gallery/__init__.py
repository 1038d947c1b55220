"""Pictures of what a trained model can do, each made from a run and kept in a file."""

from latentscape.api.gallery.nearest import neighbours
from latentscape.api.gallery.pictures import (
    denoise,
    interpolate,
    manifold,
    reconstruct,
    sample,
    traverse,
)
from latentscape.api.gallery.sheets import Sheet

__all__ = [
    "Sheet",
    "denoise",
    "interpolate",
    "manifold",
    "neighbours",
    "reconstruct",
    "sample",
    "traverse",
]
