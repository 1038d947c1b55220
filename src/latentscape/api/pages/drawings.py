"""A model's architecture as an hourglass: from the input through the code to the output."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentscape.core.units import count, shape
from latentscape.reporting.blocks import Chart, figure_name
from latentscape.reporting.prose import shortened
from latentscape.reporting.subject import Row
from latentscape.reporting.svg import document, rectangle, text

WIDTH, CENTRE, BROADEST, STEP = 460, 282, 138, 38


@dataclass(frozen=True)
class Stage:
    """A step of the drawing: a layer and what follows it without changing the shape."""

    part: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    parameters: int

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
        return note if len(note) <= 38 else note[:37].rstrip(" ,") + "…"


def architecture(rows: Sequence[Row]) -> Chart:
    """Draw the architecture that the rows share."""
    values = rows[0].values
    stages = _stages(values)
    largest = max(math.prod(stage.sizes) for stage in stages)
    widths = [_width(stage, largest) for stage in stages]
    marks = _silhouette(stages, widths)
    for index, (stage, width) in enumerate(zip(stages, widths, strict=True)):
        marks += _block(stage, width, 10 + STEP * index)
    height = 10 + STEP * len(stages)
    labels = shortened([row.label for row in rows])
    return Chart(
        figure_name("architecture", values["label"] or values["name"]),
        f"{labels}: {count(values['parameters'])} parameters",
        document(WIDTH, height, marks, f"Architecture of {labels}: {_described(stages)}."),
    )


def _stages(values: Mapping[str, Any]) -> list[Stage]:
    sizes = tuple(values["data"]["shape"])
    stages = [Stage("data", ("Input",), sizes, 0)]
    for layer in values["architecture"]:
        new = Stage(layer["part"], (layer["layer"],), tuple(layer["output"]), layer["parameters"])
        last = stages[-1]
        if _follows(new, last):
            names = (*last.names, *new.names)
            stages[-1] = Stage(last.part, names, last.sizes, last.parameters + new.parameters)
        else:
            stages.append(new)
    return stages


def _follows(new: Stage, last: Stage) -> bool:
    """Whether a layer (an activation, dropout, normalisation) belongs to the block above it."""
    if math.prod(new.sizes) != math.prod(last.sizes) or last.part not in ("data", new.part):
        return False
    return not new.parameters or "norm" in new.names[0].lower()


def _width(stage: Stage, largest: int) -> float:
    """Logarithmic, because a code of 2 beside 784 pixels would be invisible otherwise."""
    return 12 + (BROADEST - 12) * math.log1p(math.prod(stage.sizes)) / math.log1p(largest)


def _silhouette(stages: Sequence[Stage], widths: Sequence[float]) -> list[str]:
    marks = []
    for index in range(len(stages) - 1):
        top, y = widths[index] / 2, 24 + STEP * index
        bottom, below = widths[index + 1] / 2, 10 + STEP * (index + 1)
        marks.append(
            f'<path d="M{CENTRE - top:.1f} {y}H{CENTRE + top:.1f}L{CENTRE + bottom:.1f} {below}'
            f'H{CENTRE - bottom:.1f}Z" class="silhouette"/>'
        )
    return marks


def _block(stage: Stage, width: float, y: float) -> list[str]:
    weights = f"{count(stage.parameters)} parameters" if stage.parameters else ""
    return [
        rectangle(CENTRE - width / 2, y, width, 14, f"block {stage.part}", 3),
        text(0, y + (7 if stage.note else 11), stage.title, f"name {stage.part}"),
        text(0, y + 21, stage.note, "note"),
        text(WIDTH, y + (7 if weights else 11), shape(list(stage.sizes)), "tick", "end"),
        text(WIDTH, y + 21, weights, "note", "end"),
    ]


def _described(stages: Sequence[Stage]) -> str:
    return "; ".join(f"{' + '.join(s.names)} giving {shape(list(s.sizes))}" for s in stages)
