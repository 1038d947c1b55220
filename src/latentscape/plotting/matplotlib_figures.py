"""Drawings as figures of Matplotlib.

They are made without pyplot: it would open a window, keep every figure, and need a display.
"""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib.axes
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from latentscape.plotting.drawings import Axes, Curves, Drawing, ImageGrid, Points
from latentscape.reporting.grids import compose
from latentscape.reporting.svg import page_colours

GAP = 2
"""Pixels between images."""

MAX_INCHES = 9.0
"""Longest side of a picture of images."""

_PLAIN: dict[str, Any] = {"parse_math": False}
"""For names of runs and labels: a dollar sign begins no formula."""

_COLOURS = page_colours()
_SOFT, _RULE, _INK = _COLOURS["--soft"], _COLOURS["--rule"], _COLOURS["--ink"]


class NotebookFigure(Figure):
    """A figure that notebooks show, also where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def draw(drawing: Drawing) -> Figure:
    """Draw curves, images or points."""
    if isinstance(drawing, Curves):
        return _curves(drawing)
    return _images(drawing) if isinstance(drawing, ImageGrid) else _points(drawing)


def _figure(size: tuple[float, float], title: str) -> NotebookFigure:
    figure = NotebookFigure(figsize=size, dpi=100, layout="constrained", facecolor="white")
    looks = {"fontsize": 11, "fontweight": "bold", "color": _INK, **_PLAIN}
    figure.suptitle(title, x=0.01, ha="left", **looks)
    return figure


def _curves(drawing: Curves) -> Figure:
    figure = _figure((4.2 * len(drawing.axes), 3.4), drawing.title)
    panels = np.atleast_1d(figure.subplots(1, len(drawing.axes)))
    for panel, axes in zip(panels, drawing.axes, strict=True):
        _draw_axes(panel, axes)
    return figure


def _draw_axes(panel: matplotlib.axes.Axes, axes: Axes) -> None:
    for line in axes.lines:
        panel.plot(
            line.x,
            line.y,
            color=_COLOURS[f"--c{line.colour}"],
            linestyle="--" if line.dashed else "-",
            linewidth=1.5 if line.dashed else 2,
            marker="o" if len(line.x) == 1 else None,
            label=line.name,
        )
    panel.set_yscale("log" if axes.log else "linear")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_title(axes.title, loc="left", fontsize=10, color=_INK)
    panel.set_xlabel(axes.x_label)
    panel.set_ylabel(axes.y_label)
    panel.grid(axis="y", color=_RULE, linewidth=0.8)
    _calm(panel)
    if len(axes.lines) > 1:
        panel.legend(frameon=False, fontsize=9, labelcolor=_INK)


def _images(drawing: ImageGrid) -> Figure:
    picture = compose(drawing.cells, GAP)
    height, width = picture.shape[:2]
    rows, columns = drawing.cells.shape[:2]
    scale = min(MAX_INCHES / max(height, width), 0.62 * columns / width)
    figure = _figure((scale * width + 1.0, scale * height + 0.8), drawing.title)
    panel = figure.subplots()
    panel.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    _name_cells(panel, drawing.row_labels, height / rows, vertical=True)
    _name_cells(panel, drawing.column_labels, width / columns, vertical=False)
    panel.spines[:].set_visible(False)
    return figure


def _name_cells(
    panel: matplotlib.axes.Axes, labels: Sequence[str], step: float, *, vertical: bool
) -> None:
    """Write labels at the left of rows, or above columns."""
    axis = panel.yaxis if vertical else panel.xaxis
    places = [step * (place + 0.5) - 0.5 for place in range(len(labels))]
    axis.set_ticks(places, labels, **(_PLAIN if labels else {}))
    axis.set_tick_params(length=0, labelsize=9, labelcolor=_INK)
    if not vertical:
        panel.xaxis.tick_top()


def _points(drawing: Points) -> Figure:
    figure = _figure((6.4, 6.0), drawing.title)
    panel = figure.subplots()
    x, y = drawing.places.T
    grouped = np.concatenate([np.empty(0, np.int64), *drawing.groups.values()])
    rest = np.setdiff1d(np.arange(len(x)), grouped)
    panel.scatter(x[rest], y[rest], s=9, color=_SOFT, alpha=0.5, linewidths=0)
    for place, (name, index) in enumerate(drawing.groups.items()):
        colour = _COLOURS[f"--k{place % 10}"]
        panel.scatter(x[index], y[index], s=9, color=colour, alpha=0.7, linewidths=0, label=name)
        _name_group(panel, name, np.median(drawing.places[index], axis=0), colour)
    panel.set_xlabel(drawing.x_label)
    panel.set_ylabel(drawing.y_label)
    if not drawing.x_label:  # Numbers on these axes mean nothing.
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_aspect("equal", adjustable="datalim")
        panel.spines[:].set_visible(False)
    else:
        _calm(panel)
    return figure


def _name_group(panel: matplotlib.axes.Axes, name: str, place: np.ndarray, colour: str) -> None:
    box = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": colour}
    x, y = map(float, place)
    looks = {"fontsize": 9, "color": _INK, "bbox": box, **_PLAIN}
    panel.text(x, y, name, ha="center", va="center", **looks)


def _calm(panel: matplotlib.axes.Axes) -> None:
    """Take away what is no data, and make the rest quiet."""
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(_RULE)
    panel.tick_params(color=_RULE, labelcolor=_SOFT, labelsize=9)
    panel.xaxis.label.set_color(_SOFT)
    panel.yaxis.label.set_color(_SOFT)
