"""The section on the rate: what codes cost, what they leave unsaid, and which numbers they use."""

from latentscape.api.pages import rate_charts
from latentscape.api.pages.tables import title_cell
from latentscape.core.metrics import Metric
from latentscape.core.units import count, out_of
from latentscape.evaluation.latent_metrics import (
    ACTIVE_UNITS,
    CODES_USED,
    LATENT_NUMBERS,
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
from latentscape.reporting.subject import Row, Subject

MAX_WIDTH = 720  # Pixels of a chart that stands alone.


def section(subject: Subject) -> Section | None:
    """Show what codes cost and which dimensions are used; None where no code has a rate."""
    if not subject.having(Latent):
        return None
    lead = (
        "A code is worth what it says of its image: the rate is what codes cost, the distortion "
        "what they leave unsaid, and their sum bounds how surprising the test images are to the "
        "model."
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
    """Show the numbers of the codes, each with what it means."""
    rows = subject.having(Latent)
    latents = [row.first.require(Latent) for row in rows]
    samples = max(latent.samples for latent in latents)
    draws = f", with {samples} codes drawn for each where codes are random" if samples > 1 else ""
    caption = (
        f"Over {count(latents[0].n)} test images{draws}. The rate counts once, whatever weight it "
        "had in training."
    )
    metrics = [
        metric
        for metric, number_of in LATENT_NUMBERS.items()
        if any(number_of(latent) is not None for latent in latents)
    ]
    if subject.is_single:
        return [Numbers([_quantity(m, _cell(rows[0], m).text) for m in metrics], caption)]
    head = [("Model", ""), *((metric.name, metric.unit) for metric in metrics)]
    body = [[title_cell(row), *(_cell(row, metric) for metric in metrics)] for row in rows]
    glossary = [Quantity(metric.name, "", "", metric.about) for metric in metrics]
    return [Table(caption, head, body), Numbers(glossary, "What the columns mean.")]


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
    return Cell(text, note=metric.write_sd(statistic))


def _bars(subject: Subject) -> list[Chart]:
    """Draw the rate of each dimension, where it is known."""
    pairs = [(row, latent) for row in subject.pictured if (latent := row.latent)]
    known = [(row, latent) for row, latent in pairs if latent.kl_per_dim and latent.active]
    width = MAX_WIDTH if len(known) == 1 else rate_charts.MIN_WIDTH
    return [rate_charts.kl_per_dimension(subject, *pair, width) for pair in known]
