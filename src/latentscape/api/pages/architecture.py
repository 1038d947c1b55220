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
class Stage:
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
    stages = _stages(run)
    largest = max(math.prod(stage.sizes) for stage in stages)
    widths = [_width(stage, largest) for stage in stages]
    marks = _silhouette(stages, widths)
    for index, (stage, width) in enumerate(zip(stages, widths, strict=True)):
        marks += _block(stage, width, 10 + STEP * index)
    height = 10 + STEP * len(stages)
    labels = shortened([row.label for row in rows])
    return Chart(
        figure_name("architecture", run.label),
        f"{labels}: {_parameters(run.architecture)}",
        document(WIDTH, height, marks, f"Architecture of {labels}: {_described(stages)}."),
    )


def _stages(run: RunFindings) -> list[Stage]:
    stages = [Stage("data", ("Input",), run.data.shape, 0)]
    for layer in run.architecture.layers:
        new = Stage(layer.part, (layer.layer,), layer.output, layer.parameters, layer.frozen)
        last = stages[-1]
        if _follows(new, last):
            names, numbers = (*last.names, *new.names), last.parameters + new.parameters
            frozen = last.frozen + new.frozen
            stages[-1] = Stage(last.part, names, last.sizes, numbers, frozen)
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
    share = math.log1p(math.prod(stage.sizes)) / math.log1p(largest)
    return MIN_BLOCK + (MAX_BLOCK - MIN_BLOCK) * share


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
    weights = _parameters(stage) if stage.parameters else ""
    return [
        rectangle(CENTRE - width / 2, y, width, 14, f"block {stage.part}", 3),
        text(0, y + (7 if stage.note else 11), stage.title, f"name {stage.part}"),
        text(0, y + 21, stage.note, "note"),
        text(WIDTH, y + (7 if weights else 11), shape(list(stage.sizes)), "tick", "end"),
        text(WIDTH, y + 21, weights, "note", "end"),
    ]


def _parameters(counted: Stage | Architecture) -> str:
    frozen = ", frozen" if counted.frozen == counted.parameters else ""
    if counted.frozen and not frozen:
        frozen = f", {count(counted.frozen)} of them frozen"
    return f"{count(counted.parameters)} parameters{frozen}"


def _described(stages: Sequence[Stage]) -> str:
    return "; ".join(f"{' + '.join(s.names)} giving {shape(list(s.sizes))}" for s in stages)
