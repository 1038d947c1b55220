"""What the origins of recipes reported, beside what was obtained here."""

from collections.abc import Mapping, Sequence
from typing import Any

from latentscape.core.units import (
    NONE,
    SHARES,
    count,
    duration,
    metric_of,
    number,
    percent,
    share,
    uncertainty,
    written,
)
from latentscape.reporting.blocks import Block, Cell, Prose, Section, Table
from latentscape.reporting.subject import Row, Subject


def section(subject: Subject) -> Section | None:
    """Put reported numbers beside those obtained; None where nothing was reported."""
    claims = [(row, claim) for row in subject.rows for claim in row.facts["reported"]]
    if not claims:
        return None
    metrics = list(dict.fromkeys(claim["metric"] for _, claim in claims))
    several = len({row.label for row, _ in claims}) > 1 and len(metrics) > 1
    table = _crossed(subject, metrics) if several else _listed(claims)
    about = _origins(subject)
    blocks: list[Block] = [table, *([Prose(about, listed=True)] if about else [])]
    return Section("reported", "Reported and obtained", "", blocks)


def _listed(claims: Sequence[tuple[Row, Mapping[str, Any]]]) -> Table:
    """List one number below the other."""
    head = [("Model", ""), ("Metric", ""), ("Code", "numbers"), ("Reported", "")]
    head += [("Obtained", ""), ("Difference", ""), ("Reached", "")]
    caption = (
        "Numbers that the origin of a recipe reported, beside what the same recipe gave here. They "
        "agree only as far as data, split and protocol do; a dash means it was not measured here."
    )
    return Table(caption, head, [[_title(row), *_cells(row, claim)] for row, claim in claims])


def _cells(row: Row, claim: Mapping[str, Any]) -> list[Cell]:
    metric, got = metric_of(claim["metric"]), claim["obtained"]
    cells = [Cell(f"{metric.name}, {metric.unit}".rstrip(", "))]
    cells += [Cell(count(claim["latent_dim"])), Cell(_said(claim)), _obtained(row, claim)]
    if got is None:
        return [*cells, Cell(NONE), Cell(NONE)]
    return [*cells, Cell(_difference(claim)), Cell("yes" if _reached(claim) else "no")]


def _crossed(subject: Subject, metrics: Sequence[str]) -> Table:
    """Put models below each other and metrics beside each other, as a paper would."""
    head = [("Model", "")]
    for metric in metrics:
        name, unit = metric_of(metric).name, metric_of(metric).unit
        full = name if metric in SHARES else f"{name} {unit}".rstrip()
        head += [(full, "reported"), (full, "obtained")]
    quickest = min(row.facts["train_seconds"]["mean"] for row in subject.rows)
    body = []
    for row in subject.rows:
        cells = [cell for metric in metrics for cell in _pair(row, metric)]
        body.append([_title(row), *cells, _time(row, quickest)])
    caption = (
        "Numbers that the origin reported, beside what the same recipe gave here"
        f"{', mean ± standard deviation over seeds' if subject.seeds > 1 else ''}. They agree only "
        "as far as data, split and protocol do; a dash means that nothing was reported, or not "
        "measured here. Times are relative to the quickest."
    )
    return Table(caption, [*head, ("Training", "time")], body)


def _pair(row: Row, metric: str) -> list[Cell]:
    claims = [claim for claim in row.facts["reported"] if claim["metric"] == metric]
    if not claims:
        return [Cell(NONE), Cell(written(metric, row.mean(metric)), note=_spread(row, metric))]
    claim = claims[0]
    reached = "" if claim["obtained"] is None else "reached" if _reached(claim) else "not reached"
    obtained = _obtained(row, claim)
    note = ", ".join(filter(None, (obtained.note, reached)))
    return [Cell(_said(claim)), Cell(obtained.text, note=note)]


def _time(row: Row, quickest: float) -> Cell:
    seconds = row.facts["train_seconds"]["mean"]
    note = f"{number(seconds / quickest, 2)} ×" if quickest > 0 else ""
    return Cell(duration(seconds), note=note)


def _title(row: Row) -> Cell:
    return Cell(row.label, title=True, marks=row.marks)


def _said(claim: Mapping[str, Any]) -> str:
    value = claim["reported"]
    return share(value) if claim["metric"] in SHARES else f"{value:.10g}"


def _obtained(row: Row, claim: Mapping[str, Any]) -> Cell:
    text = written(claim["metric"], claim["obtained"])
    return Cell(text, note=_spread(row, claim["metric"]) if text != NONE else "")


def _spread(row: Row, metric: str) -> str:
    return uncertainty(metric, row.statistic(metric))


def _difference(claim: Mapping[str, Any]) -> str:
    """Write a difference: of shares in points, of counts as it is, otherwise as a ratio."""
    said, got = claim["reported"], claim["obtained"]
    if claim["metric"] in SHARES:
        return f"{100 * (got - said):+.1f} points".replace("-", "\N{MINUS SIGN}")
    if claim["metric"] == "readable_of_16":
        return f"{got - said:+.3g}".replace("-", "\N{MINUS SIGN}")
    return percent(got / said - 1, "+") if said else NONE


def _reached(claim: Mapping[str, Any]) -> bool:
    metric, said, got = metric_of(claim["metric"]), claim["reported"], claim["obtained"]
    return bool(got >= said if metric.higher_is_better else got <= said)


def _origins(subject: Subject) -> list[str]:
    """Say where the numbers come from, and how they were measured there."""
    recipes = {row.values["recipe"]["name"]: row.values["recipe"] for row in reversed(subject.rows)}
    about = []
    for name, recipe in reversed(recipes.items()):
        told = [text.rstrip(".") for text in (recipe.get("origin"), recipe.get("protocol")) if text]
        if recipe.get("reported") and told:
            about.append(f"{name}: {'. '.join(told)}.")
    return about
