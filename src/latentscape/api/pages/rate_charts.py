"""Charts of the use of codes: what each dimension carries, and how that changed in training."""

from latentscape.api.pages.learning import Value, seed_curves
from latentscape.core.units import count, dimensions, number
from latentscape.evaluation.results import Latent
from latentscape.reporting.blocks import Chart, figure_name
from latentscape.reporting.curves import curve_chart, ends
from latentscape.reporting.subject import Row, Subject
from latentscape.reporting.svg import Scale, document, levels, line, rectangle, text

LEFT, BASE, TOP = 44, 190, 28
MIN_STEP = 14  # Pixels that a bar needs to have its number written under it.
MIN_WIDTH = 340  # Letters are as large then as in other charts.
MIN_SCALE = 0.1  # Nats: below, bars would show noise.


def kl_per_dimension(subject: Subject, row: Row, latent: Latent, width: float) -> Chart:
    """Draw what each dimension of the code carries, the largest first, the inactive ones last.

    Parameters
    ----------
    subject : Subject
        Gives the colour.
    row : Row
        The model.
    latent : Latent
        Its code, with a rate of each dimension.
    width : float
        Where dimensions with their numbers would need more than that, they go without.
    """
    kl, active = latent.kl_per_dim or (), latent.active or ()
    order = sorted(range(len(kl)), key=lambda dim: (not active[dim], -kl[dim]))
    step = _step(len(kl), width)
    end = LEFT + step * len(kl)
    scale = Scale(0, max(*kl, MIN_SCALE) * 1.04, BASE, TOP)
    marks = _inactive_band(LEFT + step * sum(active), end, len(kl) - sum(active))
    marks += levels(scale, LEFT, end, "KL, nats")
    for place, dim in enumerate(order):
        look = f"fill {subject.colour(row)}" if active[dim] else "fill faint"
        x, y = LEFT + step * place, scale(kl[dim])
        about = f"dimension {dim}: {number(kl[dim], 3)} nats"
        bar = (x + step * 0.1, y, step * 0.8, BASE - y)
        marks.append(rectangle(*bar, look, min(2, step / 8), about))
        if step >= MIN_STEP - 1:
            look = "note" if active[dim] else "note gone"
            marks.append(text(x + step / 2, BASE + 14, str(dim), look, "middle"))
    marks.append(line(LEFT, BASE, end, BASE, "base"))
    # The words need so much room between the ends.
    marks.append(text(max(end, LEFT + 126), BASE + 31, "dimension of the code", "axis", "end"))
    alt = ", ".join(f"dimension {dim} {number(kl[dim], 3)}" for dim in order)
    alt = f"KL in nats by dimension of {row.label}: {alt}."
    return Chart(
        figure_name("kl-per-dimension", row.label),
        f"{row.label}: {describe_dimensions(latent)}",
        document(max(end + 4, MIN_WIDTH), BASE + 36, marks, alt),
        wide=end > 1.2 * MIN_WIDTH,
    )


def describe_dimensions(latent: Latent) -> str:
    """Say in a sentence which dimensions of a gaussian code are used."""
    inactive, whole = latent.inactive, len(latent.active or ())
    if not inactive:
        return f"all {whole} dimensions are active."
    if len(inactive) == whole:
        return f"none of the {whole} dimensions is active."
    verb = "is" if len(inactive) == 1 else "are"
    return f"{dimensions(inactive)} of {whole} {verb} inactive."


def active_units(subject: Subject) -> Chart | None:
    """Draw the number of active dimensions over epochs; None where it did not change."""
    return _code_use(
        subject,
        lambda epoch: epoch.latent.active_units if epoch.latent else None,
        "active dimensions",
        "Dimensions of the code that move with the image, after each epoch. A line that falls to "
        "zero is a posterior that collapses.",
    )


def perplexity(subject: Subject) -> Chart | None:
    """Draw the perplexity of codebooks over epochs; None where it did not change."""
    return _code_use(
        subject,
        lambda epoch: epoch.latent.perplexity if epoch.latent else None,
        "perplexity",
        "In so many codes, used evenly, there would be as much variety as in the codes that images "
        "choose, after each epoch.",
    )


def _code_use(subject: Subject, value: Value, title: str, caption: str) -> Chart | None:
    curves = [
        curve
        for row in subject.pictured
        for curve in seed_curves(row, value, row.label, subject.colour(row))
    ]
    if all(len({y for _, y in curve.points}) < 2 for curve in curves):
        return None
    alt = f"{title.capitalize()} over epochs. {ends(curves)}"
    svg, crop = curve_chart(curves, (440, 220), title, alt, 0.0)
    labels = {curve.label for curve in curves}
    legend = [(subject.colour(r), r.label) for r in subject.pictured if r.label in labels]
    return Chart(figure_name(title), caption, svg, legend, crop)


def _step(count: int, width: float) -> float:
    """Return how far bars are apart."""
    step = min(22.0, max(MIN_STEP, 300 / count))
    return step if LEFT + step * count <= width else (width - LEFT) / count


def _inactive_band(start: float, end: float, inactive: int) -> list[str]:
    if not inactive:
        return []
    return [
        # The text stands above the highest gridline.
        rectangle(start, TOP - 14, end - start, BASE - TOP + 14, "band", 0),
        text(end - 5, TOP - 3, f"{count(inactive)} inactive", "note", "end"),
    ]
