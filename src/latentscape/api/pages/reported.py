"""The section on claims: what the origins of recipes reported, beside what was obtained here."""

from collections.abc import Sequence

from latentscape.analyses.metrics import find_metric
from latentscape.api.pages.tables import title_cell
from latentscape.core.metrics import Metric
from latentscape.core.units import NONE, count, duration, number, percent, share
from latentscape.evaluation.study import Claim
from latentscape.reporting.blocks import Block, Cell, Prose, Section, Table
from latentscape.reporting.subject import Row, Subject


def section(subject: Subject) -> Section | None:
    """Put reported numbers beside those obtained; None where nothing was reported."""
    claims = [(row, claim) for row in subject.rows for claim in row.facts.claims]
    if not claims:
        return None
    metrics = [find_metric(key) for key in dict.fromkeys(claim.metric for _, claim in claims)]
    several = len({row.label for row, _ in claims}) > 1 and len(metrics) > 1
    table = _crossed(subject, metrics) if several else _listed(claims)
    origins = _origins(subject)
    blocks: list[Block] = [table, *([Prose(origins, listed=True)] if origins else [])]
    return Section("reported", "Reported and obtained", "", blocks)


def _listed(claims: Sequence[tuple[Row, Claim]]) -> Table:
    """List one number below the other."""
    head = [("Model", ""), ("Metric", ""), ("Code", "numbers"), ("Reported", "")]
    head += [("Obtained", ""), ("Difference", ""), ("Reached", "")]
    caption = (
        "Numbers that the origin of a recipe reported, beside what the same recipe gave here. They "
        "agree only as far as data, split and protocol do; a dash means it was not measured here."
    )
    return Table(caption, head, [[title_cell(row), *_cells(row, claim)] for row, claim in claims])


def _cells(row: Row, claim: Claim) -> list[Cell]:
    metric = find_metric(claim.metric)
    cells = [Cell(metric.title), Cell(count(claim.latent_dim))]
    cells += [Cell(_reported(claim, metric)), _obtained(row, claim.obtained, metric)]
    if claim.obtained is None:
        return [*cells, Cell(NONE), Cell(NONE)]
    is_reached = metric.is_better(claim.obtained, claim.reported)
    difference = _difference(claim.reported, claim.obtained, metric)
    return [*cells, Cell(difference), Cell("yes" if is_reached else "no")]


def _crossed(subject: Subject, metrics: Sequence[Metric]) -> Table:
    """Put models below each other and metrics beside each other, as a paper would."""
    head = [("Model", "")]
    for metric in metrics:
        name = metric.name if metric.is_share else f"{metric.name} {metric.unit}".rstrip()
        head += [(name, "reported"), (name, "obtained")]
    quickest = min(row.facts.train_seconds.mean for row in subject.rows)
    body = []
    for row in subject.rows:
        cells = [cell for metric in metrics for cell in _pair(row, metric)]
        body.append([title_cell(row), *cells, _time(row, quickest)])
    caption = (
        "Numbers that the origin reported, beside what the same recipe gave here"
        f"{', mean ± standard deviation over seeds' if subject.seeds > 1 else ''}. They agree only "
        "as far as data, split and protocol do; a dash means that nothing was reported, or not "
        "measured here. Times are relative to the quickest."
    )
    return Table(caption, [*head, ("Training", "time")], body)


def _pair(row: Row, metric: Metric) -> list[Cell]:
    claim = next((claim for claim in row.facts.claims if claim.metric == metric.key), None)
    if claim is None:
        # Numbers of likelihoods may be of another kind than those that were reported of others.
        value = None if metric.key in row.facts.likelihoods else row.mean(metric)
        return [Cell(NONE), _obtained(row, value, metric)]
    obtained, reached = _obtained(row, claim.obtained, metric), ""
    if claim.obtained is not None:
        is_reached = metric.is_better(claim.obtained, claim.reported)
        reached = "reached" if is_reached else "not reached"
    note = ", ".join(filter(None, (obtained.note, reached)))
    return [Cell(_reported(claim, metric)), Cell(obtained.text, note=note)]


def _time(row: Row, quickest: float) -> Cell:
    seconds = row.facts.train_seconds.mean
    note = f"{number(seconds / quickest, 2)} ×" if quickest > 0 else ""
    return Cell(duration(seconds), note=note)


def _reported(claim: Claim, metric: Metric) -> str:
    return share(claim.reported) if metric.is_share else f"{claim.reported:.10g}"


def _obtained(row: Row, value: float | None, metric: Metric) -> Cell:
    note = "" if value is None else metric.write_spread(row.statistic(metric))
    return Cell(metric.write(value), note=note)


def _difference(reported: float, obtained: float, metric: Metric) -> str:
    """Write a difference: of shares in points, of counts as it is, otherwise as a ratio."""
    if metric.is_share:
        text = f"{100 * (obtained - reported):+.1f} points"
    elif metric.is_count:
        text = f"{obtained - reported:+.3g}"
    else:
        return percent(obtained / reported - 1, "+") if reported else NONE
    return text.replace("-", "\N{MINUS SIGN}")


def _origins(subject: Subject) -> list[str]:
    """Say where the numbers come from, and how they were measured there."""
    recipes = {row.first.recipe.name: row.first.recipe for row in reversed(subject.rows)}
    sentences = []
    for name, recipe in reversed(recipes.items()):
        facts = [text.rstrip(".") for text in (recipe.origin, recipe.protocol) if text]
        if recipe.reported and facts:
            sentences.append(f"{name}: {'. '.join(facts)}.")
    return sentences
