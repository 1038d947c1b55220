"""Figures of Matplotlib and Plotly: what is drawn of a run, and how each of the two draws it."""

from typing import TYPE_CHECKING

from latentscape.core.lazy import lazy_names

if TYPE_CHECKING:
    from latentscape.plotting.run_plots import RunPlots

__getattr__ = lazy_names(__name__, {"run_plots": ("RunPlots",)})

__all__ = ["RunPlots"]
