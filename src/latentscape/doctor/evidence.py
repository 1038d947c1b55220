"""Plots and pictures that show a symptom."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from latentscape.doctor.diagnosis import Line, Plot, Strip


def by_dimension(name: str, values: Tensor) -> Plot:
    """Plot a number of each dimension, the largest first."""
    sorted_values = np.sort(values.float().cpu().numpy())[::-1].copy()
    ranks = np.arange(1, 1 + len(sorted_values), dtype=np.float32)
    return Plot(
        x_label="dimension, the largest first",
        y_label=name,
        lines=(Line(name=name, x=ranks, y=sorted_values),),
    )


def curve(name: str, values: Sequence[float], x: Sequence[float] | None = None) -> Line:
    """Make a line of numbers, by default over 1, 2, 3 and so on."""
    places = range(1, 1 + len(values)) if x is None else x
    return Line(
        name=name,
        x=np.array(list(places), np.float32),
        y=np.array(values, np.float32),
    )


def rows_of_images(*rows: tuple[str, Tensor]) -> tuple[Strip, ...]:
    """Show rows of images (n, *shape) on the scale 0 to 1; nothing of plain vectors."""
    return tuple(
        Strip(name=name, images=images.float().cpu().numpy())
        for name, images in rows
        if images.ndim == 4
    )
