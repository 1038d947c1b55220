"""The plates of what a model makes up: samples, walks through its code, restored images."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from latentscape.core.units import number
from latentscape.reporting.blocks import Panel, Plate, Strip, figure_name
from latentscape.reporting.strips import sheet, strip
from latentscape.reporting.subject import Row, Subject, images

SAMPLES_ACROSS = 8
WALKS = 8  # rows to a panel: two panels stand side by side, and below each other on a phone
SHOWN = 8  # noisy images side by side
MAP_WIDTH = 800  # pixels of a whole manifold, at most

SOURCES = {
    "prior": "From the prior",
    "gmm": "From a mixture fitted to the codes",
    "vamp": "From the VampPrior",
    "normal": "From N(0, I)",
}


def about(row: Row, name: str) -> dict[str, Any]:
    """Return what is known about a picture."""
    return dict(row.values.get("pictures", {}).get(name, {}))


def samples(subject: Subject) -> list[Plate]:
    """Show samples of every model that has them, those from N(0, I) beside the others."""
    rows = [row for row in subject.pictured if images(row, "samples") is not None]
    twice = [row for row in rows if images(row, "samples_normal") is not None]
    groups = [[row for row in rows if row not in twice], *([row] for row in twice)]
    return [_sampled(subject, group) for group in groups if group]


def _sampled(subject: Subject, rows: Sequence[Row]) -> Plate:
    panels = [
        _samples(subject, row, name)
        for row in rows
        for name in ("samples", "samples_normal")
        if images(row, name) is not None
    ]
    return Plate(figure_name("samples", rows[0].label), "", "", panels)


def _samples(subject: Subject, row: Row, name: str) -> Panel:
    drawn, facts = images(row, name), about(row, name)
    assert drawn is not None
    source = SOURCES.get(facts.get("source", "normal"), facts.get("source", ""))
    title = source if len(subject.rows) == 1 else f"{row.label}: {source[0].lower()}{source[1:]}"
    columns = columns_of(row)
    across = len(columns) or SAMPLES_ACROSS
    alt = f"{len(drawn)} samples of {row.label}, {title}"
    made = replace(strip("", drawn, across, subject.tile, alt), columns=columns)
    return Panel(title, [made], facts.get("about", ""))


def columns_of(row: Row) -> Sequence[str]:
    """Return the labels of about eight columns of samples, if their labels take turns."""
    labels = about(row, "samples").get("labels") or ()
    turn = len(set(labels))
    if not 0 < turn <= 2 * SAMPLES_ACROSS:
        return ()
    across = turn * max(1, round(SAMPLES_ACROSS / turn))
    in_turn = all(name == labels[i % turn] for i, name in enumerate(labels))
    return labels[:across] if in_turn else ()


def walks(subject: Subject, row: Row) -> list[Plate]:
    """Show the ways from image to image, along single dimensions, and the whole plane."""
    plates = [_interpolation(subject, row), _traversals(subject, row), _manifold(subject, row)]
    return [plate for plate in plates if plate is not None]


def _interpolation(subject: Subject, row: Row) -> Plate | None:
    drawn = images(row, "interpolation", 2)
    if drawn is None:
        return None
    title, alt = _titled(subject, row, "From image to image"), f"Interpolations by {row.label}"
    made = strip("", drawn.reshape(-1, *drawn.shape[2:]), drawn.shape[1], subject.tile, alt)
    caption = about(row, "interpolation").get("about", "")
    name = figure_name("interpolation", row.label)
    return Plate(name, title, caption, [Panel("", [made])])


def _traversals(subject: Subject, row: Row) -> Plate | None:
    drawn = images(row, "traversals", 2)
    if drawn is None:
        return None
    facts = about(row, "traversals")
    dims = facts.get("dims", range(len(drawn)))
    strips = [
        strip(
            _dimension(row, dim), steps, len(steps), subject.tile, f"Dimension {dim}, {row.label}"
        )
        for dim, steps in zip(dims, drawn, strict=True)
    ]
    half = -(-len(strips) // 2) if len(strips) > WALKS else len(strips)
    panels = [Panel("", strips[at : at + half], beside=True) for at in range(0, len(strips), half)]
    title, name = _titled(subject, row, "Along one dimension"), figure_name("traversals", row.label)
    return Plate(name, title, facts.get("about", ""), panels)


def _dimension(row: Row, dim: int) -> str:
    kl = row.latent.get("kl_per_dim")
    return f"Dimension {dim}" + (f", KL {number(kl[dim], 3)}" if kl else "")


def _manifold(subject: Subject, row: Row) -> Plate | None:
    drawn = images(row, "manifold", 2)
    if drawn is None:
        return None
    across = drawn.shape[1]
    tile = max(4, min(subject.tile, MAP_WIDTH // across))
    picture = sheet(drawn.reshape(-1, *drawn.shape[2:]), across, tile, tight=True)
    # Not sharp: the whole is rarely shown at a multiple of its size.
    made = Strip("", picture, f"The plane of the code of {row.label}, decoded", False)
    title, name = _titled(subject, row, "The plane of the code"), figure_name("manifold", row.label)
    return Plate(name, title, about(row, "manifold").get("about", ""), [Panel("", [made])])


def denoising(subject: Subject, row: Row) -> Plate:
    """Show clean, noisy and restored images, each row with its error."""
    facts = about(row, "denoising")
    notes = {"noisy": facts.get("mse_noisy"), "restored": facts.get("mse_restored")}
    sources = []
    for kind in ("clean", "noisy", "restored"):
        drawn, mse = images(row, f"denoising_{kind}"), notes.get(kind)
        assert drawn is not None
        note = "" if mse is None else f", MSE {number(mse)} over all test images"
        sources.append((kind.capitalize() + note, drawn))
    panels = []
    for start in range(0, len(sources[0][1]), SHOWN):
        stop = min(start + SHOWN, len(sources[0][1]))
        title = f"Images {start + 1} to {stop}"
        strips = [
            strip(label, drawn[start:stop], SHOWN, subject.tile, f"{label}: {title}, {row.label}")
            for label, drawn in sources
        ]
        panels.append(Panel(title, strips))
    name = figure_name("denoising", row.label)
    return Plate(name, _titled(subject, row, ""), facts.get("about", ""), panels)


def _titled(subject: Subject, row: Row, what: str) -> str:
    """Name a plate, in a study after its model."""
    if len(subject.rows) == 1:
        return what
    return f"{row.label}: {what[0].lower()}{what[1:]}" if what else row.label
