"""The figure of growth: small charts of time and memory, one for each thing that is varied."""

from typing import Any

from benchmarks.growth import VARIED, along
from latentscape.reporting.curves import Curve, curve_chart
from latentscape.reporting.svg import document, standalone

Rows = list[dict[str, Any]]

NAMES = {
    "images": "images",
    "batch_size": "images per batch",
    "width": "units in the hidden layer",
    "latent_dim": "numbers in a code",
    "side": "pixels on each side of an image",
}
TIME, MEMORY = "seconds per epoch", "memory beyond the images, MB"
PANELS = (
    (TIME, "images"),
    (TIME, "batch_size"),
    (TIME, "width"),
    (MEMORY, "images"),
    (MEMORY, "batch_size"),
    (TIME, "latent_dim"),
    (TIME, "side"),
    (MEMORY, "side"),
)
COLUMNS, WIDTH, HEIGHT, GAP = 3, 270, 240, 30
NAMED = 76  # room for the names of curves, at the right of a panel
LOOKS = {"simple-20": "c0", "conv-bn": "c1"}


def draw(rows: Rows) -> str:
    """Draw the figure, as an SVG file that stands alone."""
    panels = [panel for panel in PANELS if _is_measured(panel[1], rows)]
    marks = [_placed(index, *panel, rows) for index, panel in enumerate(panels)]
    lines = -(-len(panels) // COLUMNS)
    width, height = COLUMNS * (WIDTH + NAMED + GAP) - GAP, lines * (HEIGHT + GAP) - GAP
    alt = "Seconds per epoch and memory beyond the images, as data, batches and networks grow."
    return standalone(document(width, height, marks, alt))


def beyond(row: dict[str, Any]) -> float:
    """Return the megabytes of memory that were held beyond the images themselves."""
    return float(row["peak_bytes"] - row["data_bytes"]) / 1e6


def _is_measured(varied: str, rows: Rows) -> bool:
    return any(
        len(along(rows, recipe, varied)) > 1
        for recipe, series in VARIED.items()
        if varied in series
    )


def _placed(index: int, what: str, varied: str, rows: Rows) -> str:
    """Draw a panel at its place."""
    x = index % COLUMNS * (WIDTH + NAMED + GAP)
    y = index // COLUMNS * (HEIGHT + GAP)
    # The names at the right are as long as they are; the scale of all panels is the same.
    svg, width = _panel(what, varied, rows)
    return svg.replace("<svg ", f'<svg x="{x}" y="{y}" width="{width:g}" height="{HEIGHT}" ', 1)


def _panel(what: str, varied: str, rows: Rows) -> tuple[str, float]:
    """Return a panel and its width."""
    curves = []
    for recipe, series in VARIED.items():
        if varied in series:
            points = [_point(row, what, varied) for row in along(rows, recipe, varied)]
            curves += _dotted(Curve(recipe, points, LOOKS[recipe]))
    if (what, varied) == (TIME, "images"):
        curves.insert(0, _in_proportion(curves[0]))
    # From zero what hardly changes is seen to do so.
    floor = [0.0] if what == MEMORY or varied == "latent_dim" else []
    alt = f"{what} against {NAMES[varied]}"
    svg, relative = curve_chart(
        curves, (WIDTH, HEIGHT), what, alt, *floor, x_label=NAMES[varied], ratios=(True, True)
    )
    return svg, relative * (WIDTH + 6)


def _point(row: dict[str, Any], what: str, varied: str) -> tuple[float, float]:
    return float(row[varied]), beyond(row) if what == MEMORY else row["seconds"]


def _dotted(curve: Curve) -> list[Curve]:
    """Return a curve, and a dot for each point, which is a curve of one point."""
    return [curve, *(Curve("", [point], curve.look) for point in curve.points)]


def _in_proportion(curve: Curve) -> Curve:
    """Return where a curve would go on from its last point if it were a multiple of its places."""
    x, y = curve.points[-1]
    return Curve("linear", [(each, y * each / x) for each, _ in curve.points], "other dashed")
