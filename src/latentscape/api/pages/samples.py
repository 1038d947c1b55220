"""The section on samples: images that a model draws by itself."""

from collections.abc import Sequence
from dataclasses import replace

from latentscape.evaluation.pictures import Pictures
from latentscape.inference.samples import Samples
from latentscape.reporting.blocks import Panel, Plate, Section, figure_name
from latentscape.reporting.sentences import describe_samples, describe_source
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject

ACROSS = 8
"""Samples side by side, where no labels take turns."""

SOURCES: dict[str, str] = {
    "prior": "From the prior",
    "mmd": "From the prior",
    "codebook": "From the prior",
    "gmm": "From a mixture fitted to the codes",
    "vamp": "From the VampPrior",
    "normal": "From N(0, I)",
}


def section(subject: Subject) -> Section | None:
    """Show samples of every pictured model that has them."""
    content = plates(subject)
    lead = (
        "Not chosen: the first that were drawn. Look for images that nobody would write or wear, "
        "for blur, and for labels that are missing."
    )
    return Section("samples", "Samples", lead, content) if content else None


def plates(subject: Subject) -> list[Plate]:
    """Show samples; a model with some of N(0, I) beside the others has a plate of its own."""
    shared: list[Panel] = []
    content: list[Plate] = []
    labels = []
    for row in subject.pictured:
        panels = [_panel(subject, row, samples) for samples in _samples(row)]
        if len(panels) > 1:
            content.append(Plate(figure_name("samples", row.label), "", "", panels))
        elif panels:
            shared += panels
            labels.append(row.label)
    first = [Plate(figure_name("samples", labels[0]), "", "", shared)] if shared else []
    return [*first, *content]


def column_labels(row: Row) -> Sequence[str]:
    """Return the labels of about eight columns of samples, if their labels take turns."""
    pictures = row.get(Pictures)
    labels = pictures.samples.labels if pictures and pictures.samples else None
    turn = len(set(labels or ()))
    if not labels or not 0 < turn <= 2 * ACROSS:
        return ()
    columns = turn * max(1, round(ACROSS / turn))
    in_turn = all(name == labels[place % turn] for place, name in enumerate(labels))
    return labels[:columns] if in_turn else ()


def samples_per_row(row: Row) -> int:
    """Return how many samples of a model stand side by side."""
    return len(column_labels(row)) or ACROSS


def _samples(row: Row) -> list[Samples]:
    """Return the samples that are images: those of the model's own source first."""
    pictures = row.get(Pictures)
    if pictures is None:
        return []
    sources = (pictures.samples, pictures.samples_normal)
    return [samples for samples in sources if samples is not None and samples.images.ndim == 4]


def _panel(subject: Subject, row: Row, samples: Samples) -> Panel:
    source = SOURCES.get(samples.source) or f"From {describe_source(samples.source)}"
    title = source if subject.is_single else f"{row.label}: {source[0].lower()}{source[1:]}"
    alt = f"{len(samples.images)} samples of {row.label}, {title}"
    picture = strip("", samples.images, samples_per_row(row), subject.tile, alt)
    return Panel(title, [replace(picture, columns=column_labels(row))], describe_samples(samples))
