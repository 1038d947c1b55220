"""The tables of a report."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from latentscape.core.units import (
    BOUND,
    COMPARED,
    METRICS,
    NONE,
    count,
    deviation,
    duration,
    joined,
    number,
    out_of,
)
from latentscape.reporting.blocks import Cell, Table
from latentscape.reporting.subject import Row, Subject


def results(subject: Subject) -> list[Table]:
    """One row per model with all its test metrics, the best of each column marked.

    Where models of a study have bounds, these stand with code and costs in a table of their own:
    one with all columns is too wide for paper.
    """
    # A single model has its bounds in a section of their own, further down.
    several = subject.rows if len(subject.rows) > 1 else ()
    bounds = [m for m in BOUND if any(row.mean(m) is not None for row in several)]
    # The errors first: a phone shows only the first few columns.
    names = [(METRICS[metric].name, METRICS[metric].unit) for metric in COMPARED]
    head = [("Model", ""), names[0], ("PCA’s MSE", "same code size"), *names[1:]]
    body = _errors(subject.rows)
    if bounds:
        return [Table(_errors_caption(subject), head, body), _bounds(subject, bounds)]
    body = [[*cells, *_costs(row)] for cells, row in zip(body, subject.rows, strict=True)]
    if len(subject.rows) == 1:
        body += _baselines(subject.rows[0])
    return [Table(_errors_caption(subject), [*head, *_COSTS], body)]


def timings(subject: Subject) -> Table:
    """Training time in total and by epoch, and relative to the quickest model."""
    seconds = [row.facts["train_seconds"]["mean"] for row in subject.rows]
    head = [("Model", ""), ("In all", ""), ("An epoch", ""), ("Speed", "images/s")]
    head += [("Relative", "to the quickest")]
    body = []
    for row, total in zip(subject.rows, seconds, strict=True):
        timing = row.values["timing"]
        texts = [duration(total), duration(timing["seconds_per_epoch"])]
        texts += [number(timing["images_per_second"], 3)]
        texts += [f"{number(total / min(seconds), 2)} ×" if min(seconds) > 0 else NONE]
        body.append([_title(row), *map(Cell, texts)])
    return Table("An epoch and speed are those of the first seed.", head, body)


def by_class(subject: Subject) -> Table | None:
    """Error by class, in thousandths; None without labels."""
    rows = [row for row in subject.rows if row.values["evaluation"]["per_class"]]
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in _classes(row)))
    body = [_class_cells(row, names) for row in rows]
    caption = (
        "Test MSE × 1000 per pixel for each label, first seed. The stronger the tint, the harder "
        "that label is for that model; compare along a row."
    )
    return Table(caption, [("Model", ""), *((name, "") for name in names)], body)


def _title(row: Row) -> Cell:
    return Cell(row.label, title=True, marks=row.marks)


def _best_text(rows: Sequence[Row], metric: str) -> str | None:
    """Return the best mean as it is printed, so that what looks equal is marked equally."""
    means = [mean for row in rows if (mean := row.mean(metric)) is not None]
    if len(rows) < 2 or not means or metric in ("rate", "active_units"):
        return None  # Neither is better for being more, or less.
    if metric in BOUND and not _comparable(rows, metric):
        return None
    return number(max(means) if METRICS[metric].higher_is_better else min(means))


def _errors(rows: Sequence[Row]) -> list[list[Cell]]:
    best = {metric: _best_text(rows, metric) for metric in COMPARED}
    body = []
    for row in rows:
        first, *others = (_metric_cell(row, metric, best[metric]) for metric in COMPARED)
        note = "beaten" if row.facts["beats_pca"] else "not beaten"
        body.append([_title(row), first, Cell(number(row.facts["pca"]["mse"]), note=note), *others])
    return body


def _bounds(subject: Subject, metrics: Sequence[str]) -> Table:
    """List what only models with a prior have, and what each model takes."""
    best = {metric: _best_text(subject.rows, metric) for metric in metrics}
    head = [("Model", ""), *((METRICS[m].name, METRICS[m].unit) for m in metrics), *_COSTS]
    body = [
        [_title(row), *(_metric_cell(row, m, best[m]) for m in metrics), *_costs(row)]
        for row in subject.rows
    ]
    caption = "A higher ELBO and a lower NLL are better; a dash stands where a model has none."
    if not all(_comparable(subject.rows, metric) for metric in metrics):
        caption += " Both compare only between models of one likelihood on the same pixels."
    return Table(caption, head, body)


_COSTS = (("Code", "numbers"), ("Parameters", ""), ("Epochs", "× images"), ("Training", "time"))


def _costs(row: Row) -> list[Cell]:
    facts = row.facts
    return [
        Cell(count(row.numbers), note="places" if row.numbers < row.latent_dim else ""),
        Cell(count(facts["parameters"])),
        Cell(f"{count(facts['epochs'])} × {count(facts['sizes']['train'])}"),
        Cell(duration(facts["train_seconds"]["mean"])),
    ]


def _metric_cell(row: Row, metric: str, best: str | None) -> Cell:
    text, note = number(row.mean(metric)), deviation(row.statistic(metric))
    if metric == "active_units":
        return Cell(out_of(row.mean(metric), row.latent_dim), note=note)
    return Cell(text, text == best, note)


def _baselines(row: Row) -> Iterable[list[Cell]]:
    evaluation = row.values["evaluation"]
    pca = f"PCA, {evaluation['pca']['dim']} components"
    for label, key in ((pca, "pca"), ("The mean image alone", "mean_image")):
        metrics = evaluation[key]["metrics"]
        first, *others = (Cell(number(metrics.get(metric))) for metric in COMPARED)
        yield [Cell(label, title=True), first, Cell(""), *others, *[Cell("")] * len(_COSTS)]


def _errors_caption(subject: Subject) -> str:
    parts = ["On test images. Lower is better in every column but PSNR."]
    if len(subject.rows) > 1:
        parts += ["★ marks the best of a column.", *_marks_explained(subject.rows)]
    floors = {row.values["evaluation"]["entropy_floor"] for row in subject.rows} - {None}
    if len(floors) == 1:
        floor = number(floors.pop(), 3)
        parts.append(
            f"BCE cannot fall below {floor} nats per pixel on these images, because their pixels "
            "are grey and not black or white; “above floor” is what a model can still gain."
        )
    if (subject.study or {}).get("ranked"):
        parts.append("Ordered by MSE on the validation images, best first.")
    return " ".join(parts)


def _comparable(rows: Iterable[Row], metric: str) -> bool:
    """Whether a bound or a likelihood is one of the same pixels under the same likelihood."""
    ways = set()
    for row in rows:
        if row.mean(metric) is not None:
            recipe = row.values["recipe"]
            measured = row.values["likelihood"] if metric == "nll" else recipe["data"]
            ways.add(json.dumps([recipe["model"]["likelihood"], measured.get("binarize")]))
    return len(ways) < 2


def _marks_explained(rows: Sequence[Row]) -> Iterator[str]:
    """Say what the marks beside the labels mean."""
    sentences = dict.fromkeys(row.values["labels_used"] for row in rows if row.supervised)
    for sentence in sentences:
        marked = [row.label for row in rows if row.values["labels_used"] == sentence]
        yield f"“labels” ({joined(marked)}): {sentence}"
    if collapsed := [row.label for row in rows if row.collapse]:
        yield f"“collapsed” ({joined(collapsed)}): the code is not used."


def _classes(row: Row) -> dict[str, Mapping[str, Any]]:
    """Metrics by the name of the class, which findings may key by name or by index."""
    names = row.values["data"]["label_names"]
    return {
        names[int(key)] if key not in names and key.isdigit() and int(key) < len(names) else key: m
        for key, m in row.values["evaluation"]["per_class"].items()
    }


def _class_cells(row: Row, names: Sequence[str]) -> list[Cell]:
    errors = {name: metrics["mse"] for name, metrics in _classes(row).items()}
    low, high = min(errors.values()), max(errors.values())
    cells = [Cell(row.label, title=True)]
    for name in names:
        error = errors.get(name)
        heat = None if error is None or high == low else (error - low) / (high - low)
        cells.append(Cell(number(None if error is None else 1000 * error, 3), heat=heat))
    return cells
