"""Bars: what each dimension of the code carries, and which labels samples have."""

from collections.abc import Sequence

from latentscape.core.units import count, dimensions, number, percent
from latentscape.reporting.blocks import Chart, figure_name
from latentscape.reporting.subject import Row, Subject
from latentscape.reporting.svg import (
    CHARACTER,
    Scale,
    document,
    levels,
    line,
    rectangle,
    text,
)

LEFT, BASE, TOP = 44, 190, 28  # of the bars of dimensions
NAMED = 14  # pixels that a bar needs to have its number written under it
LEAST_WIDTH = 340  # so that letters are as large as in other charts
LEAST_SCALE = 0.1  # nats: below, bars would show noise
MOST_LABELS = 40


def kl_per_dimension(subject: Subject, row: Row, width: float) -> Chart:
    """Draw what each dimension of the code carries, the largest first, the inactive ones last.

    Parameters
    ----------
    subject : Subject
        Gives the colour.
    row : Row
        Whose findings have ``latent.kl_per_dim``.
    width : float
        Where dimensions with their numbers would need more than that, they go without.
    """
    kl, active = row.latent["kl_per_dim"], row.latent["active"]
    order = sorted(range(len(kl)), key=lambda d: (not active[d], -kl[d]))
    step = min(22.0, max(NAMED, 300 / len(kl)))
    if LEFT + step * len(kl) > width:
        step = (width - LEFT) / len(kl)
    end = LEFT + step * len(kl)
    scale = Scale(0, max(*kl, LEAST_SCALE) * 1.04, BASE, TOP)
    marks = _inactive_band(LEFT + step * sum(active), end, len(kl) - sum(active))
    marks += levels(scale, LEFT, end, "KL, nats")
    for place, dim in enumerate(order):
        look = f"fill {subject.colour(row)}" if active[dim] else "fill faint"
        marks.append(_bar(LEFT + step * place, scale(kl[dim]), step, look))
        if step >= NAMED - 1:
            x, gone = LEFT + step * (place + 0.5), "" if active[dim] else " gone"
            marks.append(text(x, BASE + 14, str(dim), f"note{gone}", "middle"))
    marks.append(line(LEFT, BASE, end, BASE, "base"))
    named = max(end, LEFT + 126)  # where the words end, so that they fit between
    marks.append(text(named, BASE + 31, "dimension of the code", "axis", "end"))
    caption = f"{row.label}: {about_dimensions(row)}"
    alt = ", ".join(f"dimension {dim} {number(kl[dim], 3)}" for dim in order)
    alt = f"KL in nats by dimension of {row.label}: {alt}."
    drawn = document(max(end + 4, LEAST_WIDTH), BASE + 36, marks, alt)
    return Chart(
        figure_name("kl-per-dimension", row.label), caption, drawn, wide=end > 1.2 * LEAST_WIDTH
    )


def _bar(x: float, y: float, step: float, look: str) -> str:
    return rectangle(x + step * 0.1, y, step * 0.8, BASE - y, look, min(2, step / 8))


def about_dimensions(row: Row) -> str:
    """Say in a sentence which dimensions of a gaussian code are used."""
    inactive, whole = row.latent["collapsed"], len(row.latent["active"])
    if not inactive:
        return f"all {whole} dimensions are active."
    if len(inactive) == whole:
        return f"none of the {whole} dimensions is active."
    verb = "is" if len(inactive) == 1 else "are"
    return f"{dimensions(inactive)} of {whole} {verb} inactive."


def _inactive_band(start: float, end: float, inactive: int) -> list[str]:
    if not inactive:
        return []
    return [
        rectangle(start, TOP - 8, end - start, BASE - TOP + 8, "band", 0),
        text(end - 5, TOP + 7, f"{count(inactive)} inactive", "note", "end"),
    ]


def label_shares(subject: Subject, row: Row) -> Chart:
    """Draw how often each label is seen among samples, beside how often it is in the data."""
    quality = row.values["quality"]
    names = _most_apart(quality["label_shares"], quality["data_shares"])
    pairs = [(n, quality["label_shares"].get(n, 0.0), quality["data_shares"][n]) for n in names]
    left = max(len(name) for name in names) * CHARACTER + 10
    scale = Scale(0, max(max(pair[1:]) for pair in pairs) or 1.0, left, left + 240)
    marks, look = [], f"fill {subject.colour(row)}"
    for index, (name, share, real) in enumerate(pairs):
        y = 20 * index
        marks.append(text(left - 8, y + 11, name, "tick", "end"))
        marks.append(rectangle(left, y + 1, max(scale(share) - left, 0.5), 13, look))
        marks.append(line(scale(real), y - 1, scale(real), y + 16, "real"))
        marks.append(text(left + 290, y + 11, percent(share), "tick", "end"))
    alt = "; ".join(f"{name} {percent(share)}, data {percent(real)}" for name, share, real in pairs)
    marks.append(line(left, -1, left, 20 * len(pairs) - 4, "base"))
    drawn = document(left + 292, 20 * len(pairs), marks, f"Labels of {row.label}: {alt}.")
    caption = f"{row.label}: labels seen in its samples (bars) and in the test images (marks)."
    return Chart(figure_name("label-shares", row.label), caption, drawn)


def _most_apart(shares: dict[str, float], data: dict[str, float]) -> Sequence[str]:
    """Return the labels to show: all, or of many those whose shares differ most."""
    if len(data) <= MOST_LABELS:
        return list(data)
    apart = sorted(data, key=lambda name: -abs(shares.get(name, 0.0) - data[name]))[:MOST_LABELS]
    return [name for name in data if name in apart]
