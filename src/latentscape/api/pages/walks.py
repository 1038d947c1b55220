"""The section on walks: what lies between codes, along single dimensions and over the plane."""

from dataclasses import replace

from latentscape.core.records import Array
from latentscape.core.units import number
from latentscape.evaluation.pictures import Pictures
from latentscape.inference.walks import Interpolation, Manifold, Traversals
from latentscape.reporting.blocks import Panel, Plate, Section, Strip, figure_name
from latentscape.reporting.sentences import (
    describe_interpolation,
    describe_manifold,
    describe_traversals,
)
from latentscape.reporting.strips import sheet, strip
from latentscape.reporting.subject import Row, Subject

PANEL = 8  # Rows to a panel: two stand side by side, and below each other on a phone.
MAP_WIDTH = 800  # Pixels of a whole manifold, at most.


def section(subject: Subject) -> Section | None:
    """Show the walks of each pictured model; None where there are none."""
    content = [plate for row in subject.pictured for plate in plates(subject, row)]
    return Section("walks", "Latent space pictures", "", content) if content else None


def plates(subject: Subject, row: Row) -> list[Plate]:
    """Show what lies between images, along single dimensions, and in the whole plane."""
    pictures, content = row.get(Pictures) or Pictures(), list[Plate]()
    if pictures.interpolation and pictures.interpolation.images.ndim == 5:
        content.append(_interpolation(subject, row, pictures.interpolation))
    if pictures.traversals and pictures.traversals.images.ndim == 5:
        content.append(_traversals(subject, row, pictures.traversals))
    if pictures.manifold and pictures.manifold.images.ndim == 5:
        content.append(_manifold(subject, row, pictures.manifold))
    return content


def titled(subject: Subject, row: Row, title: str) -> str:
    """Name a plate, in a study after its model."""
    if subject.is_single:
        return title
    return f"{row.label}: {title[0].lower()}{title[1:]}" if title else row.label


def _interpolation(subject: Subject, row: Row, interpolation: Interpolation) -> Plate:
    images, alt = interpolation.images, f"Interpolations by {row.label}"
    across, tile = images.shape[1], subject.tile
    strips = [
        strip(_ends(row, *ends), line, across, tile, f"{alt}: {_ends(row, *ends)}")
        for line, *ends in zip(images, interpolation.numbers, interpolation.labels, strict=False)
    ]
    strips = strips or [strip("", _flat(images), across, tile, alt)]  # Of an earlier version.
    name, title = figure_name("interpolation", row.label), "From image to image"
    caption, panel = (
        describe_interpolation(interpolation),
        Panel("", strips, beside=len(strips) > 1),
    )
    return Plate(name, titled(subject, row, title), caption, [panel])


def _ends(row: Row, numbers: tuple[int, int], labels: tuple[int, int]) -> str:
    """Name the images at both ends of a row."""
    names = (row.data.label_name(label) for label in labels)
    pairs = zip(names, numbers, strict=True)
    return " to ".join(f"{name} (#{place})" if name else f"#{place}" for name, place in pairs)


def _traversals(subject: Subject, row: Row, traversals: Traversals) -> Plate:
    tile, strips = subject.tile, list[Strip]()
    half = -(-len(traversals.dims) // 2) if len(traversals.dims) > PANEL else len(traversals.dims)
    for place, (dim, images) in enumerate(zip(traversals.dims, traversals.images, strict=True)):
        alt = f"Dimension {dim}, {row.label}"
        line = strip(_dimension(row, dim), images, len(images), tile, alt)
        same = place % half and traversals.spans[place] == traversals.spans[place - 1]
        values = () if same else [number(value, 2) for value in traversals.values(place)]
        strips.append(replace(line, columns=values))
    panels = [
        Panel("", strips[start : start + half], beside=True)
        for start in range(0, len(strips), half)
    ]
    name, title = figure_name("traversals", row.label), "Along one dimension"
    return Plate(name, titled(subject, row, title), describe_traversals(traversals), panels)


def _dimension(row: Row, dim: int) -> str:
    kl = row.latent.kl_per_dim if row.latent else None
    return f"Dimension {dim}" + (f", KL {number(kl[dim], 3)}" if kl and dim < len(kl) else "")


def _manifold(subject: Subject, row: Row, manifold: Manifold) -> Plate:
    columns = manifold.images.shape[1]
    tile = max(4, min(subject.tile, MAP_WIDTH // columns))
    png = sheet(_flat(manifold.images), columns, tile, tight=True)
    # Not sharp: the whole is rarely shown at a multiple of its size.
    picture = Strip("", png, f"The plane of the code of {row.label}, decoded", False)
    name, title = figure_name("manifold", row.label), "The plane of the code"
    caption = describe_manifold(manifold)
    return Plate(name, titled(subject, row, title), caption, [Panel("", [picture])])


def _flat(images: Array) -> Array:
    """Put rows of images behind each other."""
    return images.reshape(-1, *images.shape[2:])
