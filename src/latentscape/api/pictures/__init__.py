"""Pictures of what a trained model can do, each made from a run and kept in a file."""

from typing import TYPE_CHECKING

from latentscape.api.pictures.filming import film
from latentscape.api.pictures.functions import (
    denoise,
    interpolate,
    manifold,
    reconstruct,
    sample,
    traverse,
)
from latentscape.api.pictures.nearest import neighbours
from latentscape.core.lazy import lazy_names

if TYPE_CHECKING:
    from latentscape.api.pictures.sheets import Sheet

__getattr__ = lazy_names(__name__, {"sheets": ("Sheet",)})

__all__ = [
    "Sheet",
    "denoise",
    "film",
    "interpolate",
    "manifold",
    "neighbours",
    "reconstruct",
    "sample",
    "traverse",
]
