"""The section on architectures, each drawn as an hourglass from the input to the output."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentscape.core.units import count, shape
from latentscape.reporting.blocks import Chart, Gallery, Section, figure_name
from latentscape.reporting.sentences import shortened
from latentscape.reporting.subject import Row, Subject
from latentscape.reporting.svg import document, rectangle, text
from latentscape.runs import RunFindings
from latentscape.runs.architecture import Architecture

WIDTH, CENTRE, STEP = 460, 282, 38
MIN_BLOCK, MAX_BLOCK = 12, 138
MAX_NOTE = 38  # Letters that stand beside a block.


@dataclass(frozen=True)
class DrawnLayer:
    """A step of the drawing: a layer and what follows it without changing the shape."""

    part: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    parameters: int
    frozen: int = 0

    @property
    def title(self) -> str:
        """The layer without its settings."""
        return self.names[0].partition(", ")[0]

    @property
    def note(self) -> str:
        """Its settings and what follows it, under the title."""
        settings = self.names[0].partition(", ")[2]
        followers = f"+ {', '.join(self.names[1:])}" if len(self.names) > 1 else ""
        note = " ".join(filter(None, [settings, followers]))
        # A long chain would run into the block; the alternative text has all of it.
        return note if len(note) <= MAX_NOTE else note[: MAX_NOTE - 1].rstrip(" ,") + "…"


def section(subject: Subject) -> Section:
    """Draw every architecture, once for all rows that share it."""
    groups: dict[str, list[Row]] = {}
    for row in subject.rows:
        groups.setdefault(row.first.architecture.model_dump_json(), []).append(row)
    lead = (
        "From the input at the top through the code to the output. A block is as wide as the "
        "logarithm of the numbers it holds; normalisation, activation and dropout stand with the "
        "layer they follow."
    )
    charts = [hourglass(rows) for rows in groups.values()]
    return Section("architectures", "Architectures", lead, [Gallery(charts)])


def hourglass(rows: Sequence[Row]) -> Chart:
    """Draw the architecture that the rows share."""
    run = rows[0].first
    layers = _drawn_layers(run)
    largest = max(math.prod(layer.sizes) for layer in layers)
    widths = [_width(layer, largest) for layer in layers]
    marks = _silhouette(layers, widths)
    for index, (layer, width) in enumerate(zip(layers, widths, strict=True)):
        marks += _block(layer, width, 10 + STEP * index)
    height = 10 + STEP * len(layers)
    labels = shortened([row.label for row in rows])
    return Chart(
        figure_name("architecture", run.label),
        f"{labels}: {_parameters(run.architecture)}",
        document(WIDTH, height, marks, f"Architecture of {labels}: {_described(layers)}."),
    )


def _drawn_layers(run: RunFindings) -> list[DrawnLayer]:
    layers = [DrawnLayer("data", ("Input",), run.data.shape, 0)]
    for layer in run.architecture.layers:
        new = DrawnLayer(layer.part, (layer.layer,), layer.output, layer.parameters, layer.frozen)
        last = layers[-1]
        if _follows(new, last):
            names, numbers = (*last.names, *new.names), last.parameters + new.parameters
            frozen = last.frozen + new.frozen
            layers[-1] = DrawnLayer(last.part, names, last.sizes, numbers, frozen)
        else:
            layers.append(new)
    return layers


def _follows(new: DrawnLayer, last: DrawnLayer) -> bool:
    """Whether a layer (an activation, dropout, normalisation) belongs to the block above it."""
    if math.prod(new.sizes) != math.prod(last.sizes) or last.part not in ("data", new.part):
        return False
    return not new.parameters or "norm" in new.names[0].lower()


def _width(layer: DrawnLayer, largest: int) -> float:
    """Logarithmic, because a code of 2 beside 784 pixels would be invisible otherwise."""
    share = math.log1p(math.prod(layer.sizes)) / math.log1p(largest)
    return MIN_BLOCK + (MAX_BLOCK - MIN_BLOCK) * share


def _silhouette(layers: Sequence[DrawnLayer], widths: Sequence[float]) -> list[str]:
    marks = []
    for index in range(len(layers) - 1):
        top, y = widths[index] / 2, 24 + STEP * index
        bottom, below = widths[index + 1] / 2, 10 + STEP * (index + 1)
        marks.append(
            f'<path d="M{CENTRE - top:.1f} {y}H{CENTRE + top:.1f}L{CENTRE + bottom:.1f} {below}'
            f'H{CENTRE - bottom:.1f}Z" class="silhouette"/>'
        )
    return marks


def _block(layer: DrawnLayer, width: float, y: float) -> list[str]:
    weights = _parameters(layer) if layer.parameters else ""
    return [
        rectangle(CENTRE - width / 2, y, width, 14, f"block {layer.part}", 3),
        text(0, y + (7 if layer.note else 11), layer.title, f"name {layer.part}"),
        text(0, y + 21, layer.note, "note"),
        text(WIDTH, y + (7 if weights else 11), shape(list(layer.sizes)), "tick", "end"),
        text(WIDTH, y + 21, weights, "note", "end"),
    ]


def _parameters(counted: DrawnLayer | Architecture) -> str:
    frozen = ", frozen" if counted.frozen == counted.parameters else ""
    if counted.frozen and not frozen:
        frozen = f", {count(counted.frozen)} of them frozen"
    return f"{count(counted.parameters)} parameters{frozen}"


def _described(layers: Sequence[DrawnLayer]) -> str:
    return "; ".join(f"{' + '.join(s.names)} giving {shape(list(s.sizes))}" for s in layers)
