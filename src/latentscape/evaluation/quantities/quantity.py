"""A quantity of the evaluation: what is measured between images and their reconstructions."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from latentscape.core.metrics import Metric

Measure = Callable[[Tensor, Tensor], Tensor]
"""Images (B, *shape) and mean reconstructions (B, *shape), both on the scale 0 to 1, to a number
for each example (B,), float64; NaN where it has no meaning."""


@dataclass(frozen=True)
class Quantity:
    """A quantity, averaged over examples.

    Attributes
    ----------
    metric : Metric
        What it is called.
    measures : tuple of Measure
        What is measured of single examples. A measure that several quantities share runs once.
    of_means : callable
        The values per example, then the mean of each measure, to the quantity; None where it has no
        value.
    in_tables : bool
        Whether it is a column of tables.
    """

    metric: Metric
    measures: tuple[Measure, ...]
    of_means: Callable[..., float | None]
    in_tables: bool = True
