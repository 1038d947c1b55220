"""What is drawn, whatever draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentscape.core.records import Array


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points (x, y), in one of the colours of reports."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Axes:
    """Lines over the same axes; `log` where equal ratios of y take equal space."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    log: bool = False


@dataclass(frozen=True, eq=False)
class Curves:
    """Axes side by side."""

    title: str
    axes: Sequence[Axes]


@dataclass(frozen=True, eq=False)
class ImageGrid:
    """Images in rows and columns.

    Attributes
    ----------
    cells : ndarray of float32
        (rows, columns, C, H, W) on the scale 0 to 1; NaN where there is none.
    row_labels, column_labels : sequence of str
        What stands at the left of each row and above each column; or nothing.
    """

    title: str
    cells: Array
    row_labels: Sequence[str] = ()
    column_labels: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Points:
    """Points in the plane.

    Attributes
    ----------
    places : ndarray
        (n, 2).
    names : sequence of str
        What each point is called where one points at it.
    groups : mapping of str to ndarray of int
        Name of a group to its points; groups have colours of their own.
    x_label, y_label : str
        Names of the axes; empty where numbers on them mean nothing.
    """

    title: str
    places: Array
    names: Sequence[str]
    groups: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    x_label: str = ""
    y_label: str = ""


Drawing = Curves | ImageGrid | Points
