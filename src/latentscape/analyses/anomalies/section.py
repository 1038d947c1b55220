"""The section on anomalies: how well what is strange to the model is told from what is not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from latentscape.core.units import ANOMALY_SCORES, count, deviation, joined, number
from latentscape.reporting import prose
from latentscape.reporting.blocks import Block, Cell, Panel, Plate, Section, Table, figure_name
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject, images

ACROSS = 8
AUROC = (
    "AUROC is the probability that an anomalous image scores higher than a normal one: 0.5 is "
    "chance, 1 is perfect. Beside each score of the model stands the same score without one."
)
PICTURES = (
    "The pictures are the images that are most unlike what the model was trained on, by its rank "
    "average, and those that are least so."
)

Line = Sequence[Mapping[str, Any] | None]
"""Statistics that stand side by side or below each other; None where there is none."""


def section(subject: Subject) -> Section | None:
    """Show how well each score tells anomalies, and which images have the highest."""
    rows = subject.having("anomalies")
    if not rows:
        return None
    blocks: list[Block] = [*prose.circumstances(rows, "anomalies")]
    told = []
    # Where nobody says which images are normal, nothing can be counted, but strange ones seen.
    judged = [row for row in rows if any(_statistic(row, score) for score in ANOMALY_SCORES)]
    if judged:
        told.append(AUROC)
        single = len(subject.rows) == 1
        blocks.append(_single(judged[0]) if single else _several(subject, judged))
    plates = [plate for row in rows if row in subject.pictured for plate in _plates(subject, row)]
    if plates:
        told.append(PICTURES)
    return Section("anomalies", "Anomalies", " ".join(told), [*blocks, *plates])


def _single(row: Row) -> Table:
    """List scores below each other, each beside its baseline."""
    found = row.found("anomalies")
    body = []
    for score, (name, baseline) in ANOMALY_SCORES.items():
        if score in found["scores"]:
            pair = (_auroc(found["scores"], score), _auroc(found["baselines"], baseline))
            body.append([Cell(name, title=True), *_cells([{"mean": value} for value in pair])])
    head = [("Score", "AUROC"), (row.label, ""), ("Baseline", "PCA or pixels")]
    return Table(_about(row), head, body)


def _about(row: Row) -> str:
    found = row.found("anomalies")
    normal = f"Normal is {joined(found['normal'])}. " if found["normal"] else ""
    return f"{normal}{count(found['n_anomalous'])} of {count(found['n'])} images are anomalous."


def _several(subject: Subject, rows: Sequence[Row]) -> Table:
    """List models below each other, with the mean of all where each has a normal of its own."""
    shown = [score for score in ANOMALY_SCORES if any(_statistic(row, score) for row in rows)]
    lines = [
        [*(_statistic(row, score) for score in shown), *(_baseline(row, score) for score in shown)]
        for row in rows
    ]
    body = [
        [Cell(row.label, title=True), *_cells(line)] for row, line in zip(rows, lines, strict=True)
    ]
    apart = _normals_differ(rows)
    if apart:
        body.append([Cell("Mean", title=True), *_cells(_means(subject, shown, lines))])
    names = [ANOMALY_SCORES[score][0] for score in shown]
    head = [("AUROC", ""), *((name, "model") for name in names)]
    head += [(name, "baseline") for name in names]
    caption = (
        "Baselines are the reconstruction error of PCA and the same distances between pixels. "
        "★ marks the best of a line."
    )
    if apart:
        caption += " Each line calls another label normal; the last is the mean of all lines."
    return Table(caption, head, body, int(apart))


def _means(subject: Subject, shown: Sequence[str], lines: Sequence[Line]) -> Line:
    """Return the means of the columns: those of the study, where it has them."""
    study = (subject.study or {}).get("anomalies")
    if not study:
        return [{"mean": _mean(column)} for column in zip(*lines, strict=True)]
    found = [study["scores"].get(score) for score in shown]
    found += [study["baselines"].get(ANOMALY_SCORES[score][1]) for score in shown]
    # Without the deviation over lines, which would pass for one over seeds.
    return [{"mean": (entry or {}).get("mean")} for entry in found]


def _mean(column: Line) -> float | None:
    """Average a column; None unless every line has a number."""
    numbers = [(entry or {}).get("mean") for entry in column]
    known = [number for number in numbers if number is not None]
    return float(np.mean(known)) if len(known) == len(numbers) else None


def _normals_differ(rows: Sequence[Row]) -> bool:
    """Whether every row has a normal of its own, so that their mean means something."""
    normals = {tuple(row.found("anomalies")["normal"] or ()) for row in rows}
    return len(normals) == len(rows) > 1


def _statistic(row: Row, score: str) -> Mapping[str, Any] | None:
    found = (row.facts.get("anomalies") or {}).get(score)
    return found if found and found["mean"] is not None else None


def _baseline(row: Row, score: str) -> Mapping[str, Any]:
    name, over_seeds = ANOMALY_SCORES[score][1], row.facts.get("anomaly_baselines")
    if over_seeds:
        return dict(over_seeds.get(name) or {})
    return {"mean": _auroc(row.found("anomalies")["baselines"], name)}


def _auroc(scores: Mapping[str, Any], name: str) -> float | None:
    value = (scores.get(name) or {}).get("auroc")
    return None if value is None else float(value)


def _cells(line: Line) -> list[Cell]:
    """Write a line of numbers, the highest marked."""
    means = [(entry or {}).get("mean") for entry in line]
    best = number(max((mean for mean in means if mean is not None), default=None), 3)
    return [
        Cell(number(mean, 3), mean is not None and number(mean, 3) == best, deviation(entry))
        for mean, entry in zip(means, line, strict=True)
    ]


def _plates(subject: Subject, row: Row) -> Iterator[Plate]:
    arrays = row.arrays
    if images(row, "anomalies_most") is None:
        return
    panels = []
    for which in ("most", "least"):
        title, name = f"{which.capitalize()} anomalous", f"anomalies_{which}"
        kinds = [("Image", name), ("Reconstruction", f"{name}_reconstructions")]
        strips = [
            strip(
                kind,
                arrays[key][start : start + ACROSS],
                ACROSS,
                subject.tile,
                f"{title}, {kind.lower()} {start + 1} and on, {row.label}",
            )
            for start in range(0, len(arrays[name]), ACROSS)
            for kind, key in kinds
            if key in arrays
        ]
        panels.append(Panel(title, strips))
    title = row.label if len(subject.rows) > 1 else ""
    caption = "The images with the highest and with the lowest scores, the first one first."
    yield Plate(figure_name("anomalies", row.label), title, caption, panels)
