"""Time to quality as a part of the page: a table, and a figure of errors against seconds."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from statistics import median
from typing import Any

from benchmarks.jobs import Row
from benchmarks.markdown import page, table
from benchmarks.quality import (
    AIMS,
    ENTRANTS,
    EVERY,
    OWN,
    PUBLISHED,
    SEARCHED,
    Aim,
    Entrant,
    ahead,
    seconds_to,
    steps,
)
from latentscape.core.units import NONE, count, joined, number
from latentscape.reporting.curves import Curve, curve_chart
from latentscape.reporting.svg import document, standalone

UNITS = {"nats": "nats per image", "squared_error": "squared error per image"}
LOOKS = {entrant.name: f"c{place}" for place, entrant in enumerate(ENTRANTS)}
NAMES = {OWN.name: OWN.name, SEARCHED.name: "tuned, best rate", PUBLISHED.name: "tuned"}
SHOWN = 1.5
"""Times its aim, from which on an error is shown: where curves part."""

Works = Mapping[str, dict[str, Any]]
"""Recipe to what was measured of it, and on what."""

WIDTH, HEIGHT, NAMED, GAP, COLUMNS = 330, 240, 120, 30, 2


def quality(works: Works) -> str:
    """Write the part of the page."""
    aims = [aim for aim in AIMS if aim.recipe in works]
    sizes = works[aims[0].recipe]["sizes"]
    own, tuned = OWN.name, PUBLISHED.name
    return page(
        "## Time to quality",
        "![Validation error against seconds of training](quality.svg)",
        f"""Seconds of training, from the first step, until a model is as good as an aim:
        {joined([_aim(aim) for aim in aims])}. {count(sizes["train"])} images of MNIST are trained
        on. After every {EVERY} steps the error of {count(sizes["validation"])} held-out images
        decides whether training ends; this takes no time here, for all alike. The error of the
        {count(sizes["test"])} test images is computed once, in the end, and decides nothing. The
        error of a variational autoencoder is that of drawn codes, −ELBO.""",
        f"""{own} trains by its default way: batches, rates, schedule and length are those that it
        takes by itself. {tuned} is the tuned script of the contest, with the batches and the
        constant rate that were published. {SEARCHED.name} is the same script at the constant rate
        with which it comes to the aim in the fewest steps, in a search with another seed. The
        ratio is that of its median to {own}'s. In the figure each thin line is a seed, and the
        strong one the median.""",
        *(_part(aim, works[aim.recipe]) for aim in aims),
    )


def draw_quality(works: Works) -> str:
    """Draw the figure, as an SVG file that stands alone."""
    aims = [aim for aim in AIMS if aim.recipe in works]
    marks = [_placed(place, aim, works[aim.recipe]["rows"]) for place, aim in enumerate(aims)]
    lines = -(-len(aims) // COLUMNS)
    width = min(COLUMNS, len(aims)) * (WIDTH + NAMED + GAP) - GAP
    alt = "Validation error against seconds of training, for each work and entrant."
    return standalone(document(width, lines * (HEIGHT + GAP) - GAP, marks, alt))


def _aim(aim: Aim) -> str:
    return f"{number(aim.error)} of `{aim.recipe}` ({aim.source})"


def _part(aim: Aim, section: dict[str, Any]) -> str:
    """Write what is about one work."""
    rows, tried = section["rows"], _tried(section["searches"])
    head = ["Entrant", "Rate", "s to the aim", "Fastest … slowest", "Ratio", "Steps"]
    head += ["ms per step", "Validation error", "Test error", "Came to it"]
    lines = [line for entrant in ENTRANTS for line in _entrant(entrant, rows)]
    return page(
        f"### {aim.recipe} to {number(aim.error)} {UNITS[aim.work.metric]}",
        f"In {rows[0]['precision']}. Rates tried for the tuned script: {tried}.",
        table(head, lines),
    )


def _tried(searches: Sequence[Row]) -> str:
    """Say in how many steps each rate led to the aim, if it did."""
    rows = sorted((row for row in searches if not row["failure"]), key=lambda row: row["lr"])
    told = [
        f"{row['lr']:g} ({'' if row['reached'] else 'not within '}{count(steps(row))} steps)"
        for row in rows
    ]
    return joined(told) if told else "none"


def _entrant(entrant: Entrant, rows: Sequence[Row]) -> Iterator[list[str]]:
    """Yield the line of an entrant; of one that failed, why."""
    own = [row for row in rows if row["entrant"] == entrant.name]
    good = [row for row in own if not row["failure"]]
    if not good:
        yield from ([entrant.name, row["failure"], *[NONE] * 8] for row in own[:1])
        return
    seconds = seconds_to(rows, entrant)
    each = [1000 * row["seconds"][-1] / steps(row) for row in good]
    yield [
        entrant.name,
        "fitted" if good[0]["lr"] is None else f"{good[0]['lr']:g}",
        _seconds(median(seconds)),
        f"{_seconds(min(seconds))} … {_seconds(max(seconds))}",
        number(ahead(rows, entrant), 3),
        count(round(median(map(steps, good)))),
        number(median(each), 3),
        number(median(row["errors"][-1] for row in good)),
        number(median(row["test_loss"] for row in good)),
        f"{sum(row['reached'] for row in good)} of {len(good)}",
    ]


def _seconds(value: float) -> str:
    return "not reached" if value == inf else number(value, 3)


def _placed(place: int, aim: Aim, rows: Sequence[Row]) -> str:
    """Draw a panel at its place."""
    x = place % COLUMNS * (WIDTH + NAMED + GAP)
    y = place // COLUMNS * (HEIGHT + GAP)
    curves = [curve for entrant in ENTRANTS for curve in _curves(aim, entrant, rows)]
    places = [place for curve in curves for place, _ in curve.points]
    level = [(place, aim.error) for place in (min(places), max(places))]
    label = f"{aim.recipe}: validation error, {UNITS[aim.work.metric]}"
    svg, relative = curve_chart(
        [Curve("aim", level, "other dashed"), *curves],
        (WIDTH, HEIGHT),
        label,
        label,
        x_label="seconds of training",
        ratios=(True, True),
    )
    # The names at the right are as long as they are; the scale of all panels is the same.
    width = relative * (WIDTH + 6)
    return svg.replace("<svg ", f'<svg x="{x}" y="{y}" width="{width:g}" height="{HEIGHT}" ', 1)


def _curves(aim: Aim, entrant: Entrant, rows: Sequence[Row]) -> list[Curve]:
    """Return a thin curve for each seed, and their median, which has the name."""
    seeds = [
        list(zip(row["seconds"], row["errors"], strict=True))
        for row in rows
        if row["entrant"] == entrant.name and not row["failure"]
    ]
    if not seeds:
        return []
    look, label = LOOKS[entrant.name], NAMES[entrant.name]
    *thin, strong = (
        [(second, error) for second, error in points if error < SHOWN * aim.error]
        for points in (*seeds, [*_medians(seeds)])
    )
    curves = [Curve("", points, f"{look} seed", name=label) for points in thin]
    return [curve for curve in (*curves, Curve(label, strong, look)) if curve.points]


def _medians(
    seeds: Sequence[Sequence[tuple[float, float]]],
) -> Iterator[tuple[float, float]]:
    """Yield the median place and error of each check that at least half of the seeds come to."""
    for check in range(max(map(len, seeds))):
        points = [points[check] for points in seeds if check < len(points)]
        if 2 * len(points) >= len(seeds):
            yield median(second for second, _ in points), median(error for _, error in points)
