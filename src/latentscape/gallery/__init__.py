"""Pictures of what a trained model can do, each made from a run and kept in a file."""

from latentscape.gallery.nearest import neighbours
from latentscape.gallery.pictures import (
    denoise,
    interpolate,
    manifold,
    reconstruct,
    sample,
    traverse,
)
from latentscape.gallery.sheets import Sheet

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
