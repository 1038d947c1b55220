"""Plots and pictures that show a symptom."""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from latentscape.core.records import Array
from latentscape.doctor.diagnosis import Line, Plot, Strip
from latentscape.doctor.rates import RangeTest


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


def fall_by_rate(test: RangeTest) -> Plot:
    """Plot how far the loss falls at each learning rate; a rise is cut off where it is large."""
    lowest = -max(test.best_fall, 0.0)
    falls = [max(fall, lowest) for fall in test.falls]
    places = [math.log10(rate) for rate in test.rates]
    own = places[test.rates.index(test.current)]
    return Plot(
        x_label="logarithm of the learning rate (base 10)",
        y_label="fall of the loss, nats per example",
        lines=(
            curve("fall of the loss", falls, places),
            curve("learning rate of the recipe", [max(test.own_fall, lowest)], [own]),
        ),
    )


def images_of(*rows: tuple[str, Array], most: int = 8) -> tuple[Strip, ...]:
    """Show the first of several arrays (n, *shape) of images; nothing of plain vectors."""
    return tuple(
        Strip(name=name, images=np.ascontiguousarray(images[:most].clip(0, 1), np.float32))
        for name, images in rows
        if images.ndim == 4
    )
