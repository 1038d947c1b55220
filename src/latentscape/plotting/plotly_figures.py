"""Drawings as figures of Plotly."""

from base64 import b64encode
from collections.abc import Sequence

import numpy as np
from plotly import graph_objects as go
from plotly.subplots import make_subplots

from latentscape.core.findings import Json
from latentscape.core.records import Array
from latentscape.plotting.drawings import Axes, Curves, Drawing, ImageGrid, Points
from latentscape.reporting.grids import draw_grid
from latentscape.reporting.svg import page_colours

GAP = 2
"""Pixels between images."""

MAX_CELL, MAX_SIDE = 56, 900
"""Pixels of an image on the screen, and of all together, at most."""

_COLOURS = page_colours()


def draw(drawing: Drawing) -> go.Figure:
    """Draw curves, images or points."""
    if isinstance(drawing, Curves):
        figure = _curves(drawing)
    else:
        figure = _images(drawing) if isinstance(drawing, ImageGrid) else _points(drawing)
    title = {"text": drawing.title, "x": 0.02, "font": {"size": 16}}
    figure.update_layout(title=title, template="plotly_white", font_color=_COLOURS["--ink"])
    return figure


def _curves(drawing: Curves) -> go.Figure:
    titles = [axes.title for axes in drawing.axes]
    figure = make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.12)
    for column, axes in enumerate(drawing.axes, start=1):
        _draw_axes(figure, column, axes)
    figure.update_layout(width=80 + 380 * len(titles), height=380, legend_title_text="")
    return figure


def _draw_axes(figure: go.Figure, column: int, axes: Axes) -> None:
    for line in axes.lines:
        colour = _COLOURS[f"--c{line.colour}"]
        look = {"color": colour, "dash": "dash" if line.dashed else "solid", "width": 2}
        mode = "markers" if len(line.x) == 1 else "lines"
        named = f"{axes.title}: {line.name}" if len(axes.lines) > 1 else axes.title
        trace = go.Scatter(x=line.x, y=line.y, mode=mode, name=named, line=look)
        figure.add_trace(trace, row=1, col=column)
    figure.update_xaxes(title_text=axes.x_label, row=1, col=column, tickformat="d")
    kind = "log" if axes.log else "linear"
    figure.update_yaxes(title_text=axes.y_label, type=kind, row=1, col=column)


def _images(drawing: ImageGrid) -> go.Figure:
    png = draw_grid(drawing.cells, GAP)
    width, height = _size(png)
    rows, columns = drawing.cells.shape[:2]
    source = f"data:image/png;base64,{b64encode(png).decode()}"
    figure = go.Figure(go.Image(source=source, hoverinfo="skip"))
    figure.update_xaxes(side="top", **_named(drawing.column_labels, width / columns))
    figure.update_yaxes(**_named(drawing.row_labels, height / rows))
    scale = min(MAX_CELL * columns / width, MAX_SIDE / max(width, height))
    figure.update_layout(
        width=scale * width + 140,
        height=scale * height + 110,
        margin={"l": 110, "r": 30, "t": 80, "b": 30},
    )
    return figure


def _size(png: bytes) -> tuple[int, int]:
    """Read width and height of a PNG off its header."""
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    return width, height


def _named(labels: Sequence[str], step: float) -> Json:
    """Return the ticks of an axis with labels at the middle of cells."""
    places = [step * (place + 0.5) - 0.5 for place in range(len(labels))]
    looks = {"showgrid": False, "zeroline": False, "ticks": ""}
    return {"tickvals": places, "ticktext": list(labels), **looks}


def _points(drawing: Points) -> go.Figure:
    grouped = np.concatenate([np.empty(0, np.int64), *drawing.groups.values()])
    rest = np.setdiff1d(np.arange(len(drawing.places)), grouped)
    figure = go.Figure()
    if len(rest):
        figure.add_trace(_dots(drawing, rest, "", _COLOURS["--soft"]))
    for place, (name, index) in enumerate(drawing.groups.items()):
        figure.add_trace(_dots(drawing, index, name, _COLOURS[f"--k{place % 10}"]))
    figure.update_layout(width=720, height=640, legend={"itemsizing": "constant"})
    for update, label in (
        (figure.update_xaxes, drawing.x_label),
        (figure.update_yaxes, drawing.y_label),
    ):
        has_numbers = bool(label)
        update(title_text=label, showticklabels=has_numbers, showgrid=has_numbers, zeroline=False)
    if not drawing.x_label:  # Numbers on these axes mean nothing.
        figure.update_yaxes(scaleanchor="x")
    return figure


def _dots(drawing: Points, index: Array, name: str, colour: str) -> go.Scattergl:
    x, y = drawing.places[index].T
    return go.Scattergl(
        x=x,
        y=y,
        mode="markers",
        name=name,
        showlegend=bool(name),
        text=[drawing.names[place] for place in index],
        hoverinfo="text",
        marker={"color": colour, "size": 5, "opacity": 0.7},
    )
