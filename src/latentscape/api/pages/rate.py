"""The section on the rate: what codes cost, what they leave unsaid, and which numbers they use."""

from collections.abc import Sequence

from latentscape.api.pages import rate_charts
from latentscape.api.pages.tables import model_heading, title_cell
from latentscape.core.metrics import Metric
from latentscape.core.units import NONE, count, number, out_of
from latentscape.evaluation.latent_metrics import (
    ACTIVE_UNITS,
    CODES_USED,
    ELBO,
    LATENT_NUMBERS,
    RATE,
    ROW_METRICS,
)
from latentscape.evaluation.results import Latent
from latentscape.reporting.blocks import (
    Block,
    Cell,
    Chart,
    Gallery,
    Numbers,
    Quantity,
    Section,
    Table,
)
from latentscape.reporting.likelihoods import Group, by_kind, explain_group, explain_kind
from latentscape.reporting.sentences import span
from latentscape.reporting.subject import Row, Subject

MAX_WIDTH = 720  # Pixels of a chart that stands alone.


def section(subject: Subject) -> Section | None:
    """Show what codes cost, which dimensions are used, and how far codes are from their prior.

    None where no code has a rate, nor is drawn to a prior.
    """
    if not subject.having(Latent):
        return None
    if not any(_has(row, RATE) for row in subject.having(Latent)):
        lead = (
            "Training draws codes to N(0, I), from which samples come. How far the codes of all "
            "images together still are from it:"
        )
        return Section("rate", "Codes and the prior", lead, numbers(subject))
    lead = (
        "A code is worth what it says of its image: the rate is what codes cost, the distortion "
        "what they leave unsaid, and their sum bounds how surprising the test images are to the "
        "model, in the units of its likelihood."
    )
    blocks, bars = numbers(subject), _bars(subject)
    if bars:
        lead += (
            " Bars show which dimension of the code carries how much of the rate, on average; "
            "dimensions count from 0."
        )
        # A single chart has its caption under it.
        blocks += [Gallery(bars)] if len(bars) > 1 else bars
    uses = (rate_charts.active_units(subject), rate_charts.perplexity(subject))
    return Section("rate", "Rate and distortion", lead, [*blocks, *filter(None, uses)])


def numbers(subject: Subject) -> list[Block]:
    """Show the numbers of the codes, each with what it means, apart by kind of likelihood."""
    rows = subject.having(Latent)
    metrics = [metric for metric in LATENT_NUMBERS if any(_has(row, metric) for row in rows)]
    if subject.is_single:
        return [_single(rows[0], metrics)]
    tables = [_table(group) for group in by_kind(rows, metrics, _has)]
    glossary = [Quantity(metric.name, "", "", metric.about) for metric in metrics]
    return [*tables, Numbers(glossary, "What the columns mean.")]


def _single(row: Row, metrics: Sequence[Metric]) -> Numbers:
    latent = row.first.require(Latent)
    texts = {metric: _cell(row, metric).text for metric in metrics}
    if latent.elbo_se is not None:
        texts[ELBO] += f" ± {number(latent.elbo_se, 2)}"
    quantities = [_quantity(metric, text) for metric, text in texts.items()]
    kind = "" if latent.likelihood is None else f"{explain_kind(latent.likelihood)} "
    return Numbers(quantities, f"{kind}{_protocol([latent])}")


def _table(group: Group) -> Table:
    head = [model_heading(group), *((metric.name, metric.unit) for metric in group.metrics)]
    body = [
        [
            title_cell(row),
            *(_cell(row, m) if group.holds(row, m) else Cell(NONE) for m in group.metrics),
        ]
        for row in group.rows
    ]
    protocol = _protocol([row.first.require(Latent) for row in group.rows])
    return Table(" ".join([*explain_group(group), protocol]), head, body)


def _protocol(latents: Sequence[Latent]) -> str:
    """Say of how many images and codes the numbers are means, and how sure the ELBO is."""
    draws = span(latent.samples for latent in latents)
    several = max(latent.samples for latent in latents) > 1
    codes = f", with {draws} codes drawn for each where codes are random" if several else ""
    text = f"Over {count(latents[0].n)} test images{codes}."
    if (drawn := latents[0].n_codes) is not None:
        text += f" What codes are like is measured on {count(drawn)} of them, drawn at random."
    if all(latent.rate is None for latent in latents):
        return text
    text += " The rate counts once, whatever weight it had in training."
    errors = [latent.elbo_se for latent in latents if latent.elbo_se is not None]
    if not errors:
        return text
    bound = "at most " if len(errors) > 1 else ""
    return (
        f"{text} The Monte Carlo standard error of an ELBO, from the codes that were drawn, is "
        f"{bound}{number(max(errors), 2)} nats."
    )


def _has(row: Row, metric: Metric) -> bool:
    return LATENT_NUMBERS[metric](row.first.require(Latent)) is not None


def _quantity(metric: Metric, text: str) -> Quantity:
    return Quantity(metric.name, text, metric.unit, metric.about)


def _cell(row: Row, metric: Metric) -> Cell:
    """Write a number: the mean over seeds where the row has it, otherwise that of the first."""
    latent, statistic = row.first.require(Latent), None
    value = LATENT_NUMBERS[metric](latent)
    if metric in ROW_METRICS and (statistic := row.statistic(metric)):
        value = statistic.mean
    wholes = {ACTIVE_UNITS: len(latent.active or ()), CODES_USED: latent.codes}
    whole = wholes.get(metric)
    text = metric.write(value) if whole is None else out_of(value, whole)
    return Cell(text, note=metric.write_spread(statistic))


def _bars(subject: Subject) -> list[Chart]:
    """Draw the rate of each dimension, where it is known."""
    pairs = [(row, latent) for row in subject.pictured if (latent := row.latent)]
    known = [(row, latent) for row, latent in pairs if latent.kl_per_dim and latent.active]
    width = MAX_WIDTH if len(known) == 1 else rate_charts.MIN_WIDTH
    return [rate_charts.kl_per_dimension(subject, *pair, width) for pair in known]
