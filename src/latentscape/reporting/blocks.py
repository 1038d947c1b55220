"""What a page is made of. The template knows how each kind of block is set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from latentscape.core.files import slug
from latentscape.reporting.sprites import Sprite


def figure_name(*words: str) -> str:
    """Make the name of a figure's file of words."""
    return slug(" ".join(words).lower())


@dataclass(frozen=True)
class Chart:
    """A drawing that follows the colours of the page.

    Attributes
    ----------
    name : str
        Stem of the file that is written beside the page.
    caption : str
        What to look at.
    svg : str
        The drawing, with its alternative text.
    legend : sequence of (str, str)
        Colour class and label, for phones, where the labels at the right edge are cropped away.
    crop : float
        Width of the drawing over the width that phones show.
    wide : bool
        Whether phones scroll it, because its labels would be too small to read otherwise.
    """

    kind: ClassVar[str] = "chart"
    name: str
    caption: str
    svg: str
    legend: Sequence[tuple[str, str]] = ()
    crop: float = 1.0
    wide: bool = False


@dataclass(frozen=True)
class Gallery:
    """Charts side by side, as many as fit, under a title if need be."""

    kind: ClassVar[str] = "gallery"
    charts: Sequence[Chart]
    title: str = ""


@dataclass(frozen=True)
class Strip:
    """Small pictures in one PNG.

    Attributes
    ----------
    sharp : bool
        Whether they are so small that their pixels shall show.
    columns : sequence of str
        What stands above each column of pictures; empty for nothing.
    """

    label: str
    png: bytes
    alt: str
    sharp: bool
    columns: Sequence[str] = ()


@dataclass(frozen=True)
class Panel:
    """Strips below each other whose pictures stand in columns.

    Attributes
    ----------
    about : str
        What the pictures of this panel are, where panels of a plate differ in it.
    beside : bool
        Whether labels stand at the left of the strips, and not above them.
    """

    title: str
    strips: Sequence[Strip]
    about: str = ""
    beside: bool = False

    @property
    def lines(self) -> int:
        """What stands below each other: the title, the strips, and what is said about them."""
        return bool(self.title) + len(self.strips) + bool(self.about)


@dataclass(frozen=True)
class Plate:
    """Panels of pictures; the same pictures are written beside the page as one PNG.

    Attributes
    ----------
    width : int
        CSS pixels below which a panel moves to the next line.
    """

    kind: ClassVar[str] = "plate"
    name: str
    title: str
    caption: str
    panels: Sequence[Panel]
    width: int = 330


@dataclass(frozen=True)
class Cell:
    """A table cell with a note under it.

    Attributes
    ----------
    heat : float or None
        In [0, 1], tints it.
    marks : sequence of str
        Follow a title.
    link : str
        Address that the text leads to.
    """

    text: str
    best: bool = False
    note: str = ""
    heat: float | None = None
    title: bool = False
    marks: Sequence[str] = ()
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose header cells carry a name and a unit.

    Attributes
    ----------
    apart : int
        So many of the last rows are set apart from the others: baselines, or a mean.
    """

    kind: ClassVar[str] = "table"
    caption: str
    head: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Cell]]
    apart: int = 0


@dataclass(frozen=True)
class Quantity:
    """A number with what it means; `text` is the number as it is printed, or empty."""

    name: str
    text: str
    unit: str
    about: str


@dataclass(frozen=True)
class Numbers:
    """A few numbers in large type, each with a sentence; or the sentences alone."""

    kind: ClassVar[str] = "numbers"
    quantities: Sequence[Quantity]
    caption: str


@dataclass(frozen=True)
class Prose:
    """Paragraphs, or the items of a list; `small` in the type of captions."""

    kind: ClassVar[str] = "prose"
    paragraphs: Sequence[str]
    listed: bool = False
    small: bool = False


@dataclass(frozen=True)
class Aside:
    """Paragraphs set apart under a heading: a ``note``, a ``warning`` or an ``alarm``."""

    kind: ClassVar[str] = "aside"
    look: str
    heading: str
    paragraphs: Sequence[str]
    listed: bool = False


@dataclass(frozen=True)
class Details:
    """Text that is folded away: a recipe, an environment."""

    kind: ClassVar[str] = "details"
    title: str
    text: str


Block = Chart | Gallery | Plate | Table | Numbers | Prose | Aside | Details


@dataclass(frozen=True)
class Section:
    """A heading, a sentence that says what the section shows, and blocks.

    Attributes
    ----------
    sprites : sequence of Sprite
        Pictures of the points of its charts.
    """

    id: str
    title: str
    lead: str
    blocks: Sequence[Block]
    sprites: Sequence[Sprite] = ()
