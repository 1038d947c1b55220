"""Scales, axes and marks: just enough SVG for the charts of a report.

Marks carry CSS classes instead of colours, so that a drawing inside the page follows its light or
dark scheme, prints well and keeps its text as text. The file beside the page gets real colours.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources

import numpy as np

CHARACTER = 6.4  # width of an average character of the 12 px chart font
MARGIN = 16  # around a drawing that stands alone
HUGE = 1e100
"""From here on differences and ratios of values come near the largest float."""

NO_DATA: Mapping[str, str] = {}

_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_DATA = re.compile(r' data-[a-z]+="[^"]*"')


@dataclass(frozen=True)
class Scale:
    """Maps the values `low`..`high` to the positions `start`..`end`.

    Attributes
    ----------
    log : bool
        Whether equal ratios take equal space.
    finest : float
        Smallest step between ticks: 1 where only whole numbers mean something.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    finest: float = 0.0

    def __call__(self, value: float) -> float:
        """Position of a value; the nearer end for one that lies outside."""
        inside = min(max(value, self.low), self.high)
        low, high, value = (self._warp(v) for v in (self.low, self.high, inside))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def _warp(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self, about: int = 5) -> list[float]:
        """Round values within the scale, about so many."""
        ticks = self._log_ticks(about + 2) if self.log else []
        return ticks if len(ticks) >= 3 else self._linear_ticks(about)

    def _log_ticks(self, max_ticks: int) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for leads in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
            ticks = [lead * 10.0**decade for decade in decades for lead in leads]
            ticks = [tick for tick in ticks if self.low <= tick <= self.high]
            if len(ticks) <= max_ticks:
                break
        return ticks

    def _linear_ticks(self, about: int) -> list[float]:
        rough = max((self.high - self.low) / about, self.finest)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(lead * power for lead in (1, 2, 2.5, 5, 10) if lead * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def fit(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    log_from: float = math.inf,
    finest: float = 0.0,
) -> Scale:
    """Make a scale that holds all values, with a little room at both ends.

    Parameters
    ----------
    values : iterable of float
        What to show; infinities, NaN and what is close to an overflow are left out.
    start, end : float
        Positions of the ends.
    log_from : float
        The scale is logarithmic where the largest value is more than so many times the smallest.
    finest : float
        Smallest step between ticks.
    """
    # NaN compares as false, too.
    finite = [value for value in map(float, values) if abs(value) < HUGE] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if low > 1 / HUGE and high / low > log_from:
        margin = (high / low) ** 0.04
        return Scale(low / margin, high * margin, start, end, True, finest)
    margin = 0.04 * (high - low) or 0.5 * abs(high) or 0.5
    return Scale(low - margin, high + margin, start, end, False, finest)


def document(
    width: float, height: float, marks: Iterable[str], alt: str, data: Mapping[str, str] = NO_DATA
) -> str:
    """Put marks into a drawing with alternative text; `data` as of `data_attributes`."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'class="chart" role="img" aria-label="{escape(alt)}"{data_attributes(data)}>'
        f"{''.join(marks)}</svg>"
    )


def data_attributes(data: Mapping[str, str]) -> str:
    """Write what the page's script says of a mark that is pointed at; nothing where it is empty.

    Parameters
    ----------
    data : mapping of str to str
        ``name`` and ``values`` of a curve, ``x`` and ``y`` for its quantities; ``name`` and
        ``tiles`` of dots, with ``sprite`` for their pictures; ``about`` of any other mark.
    """
    return "".join(f' data-{name}="{escape(text)}"' for name, text in data.items() if text)


@cache
def page_colours() -> Mapping[str, str]:
    """Return the colours of a light page by their names in its style, as ``--c0``."""
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", _style().partition("}")[0]))


def _style() -> str:
    return resources.files("latentscape.reporting").joinpath("chart.css").read_text("utf-8")


def standalone(svg: str) -> str:
    """Give a drawing real colours, a margin and white paper, for programs of all kinds."""
    style = _style()
    svg = _DATA.sub("", svg)  # Nothing reads them there.
    colours = page_colours()
    style = re.sub(r"var\((--[\w-]+)\)", lambda match: colours[match[1]], style.partition("}")[2])
    width, height = (float(size) + 2 * MARGIN for size in _VIEW.findall(svg)[0])
    size = f'width="{width:g}" height="{height:g}"'
    box = f'viewBox="{-MARGIN} {-MARGIN} {width:g} {height:g}" {size}'
    head, close, rest = _VIEW.sub(box, svg, count=1).partition(">")
    paper = f'<rect x="{-MARGIN}" y="{-MARGIN}" {size} fill="#fff"/>'
    return f"{head}{close}<style>{style}</style>{paper}{rest}"


def text(x: float, y: float, content: str, look: str = "", anchor: str = "start") -> str:
    """Write text; `anchor` is ``start``, ``middle`` or ``end``."""
    place = f'x="{x:.1f}" y="{y:.1f}" class="{escape(look)}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(content)}</text>"


def line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    """Draw a straight line."""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" class="{look}"/>'


def polyline(
    points: Iterable[tuple[float, float]], look: str, data: Mapping[str, str] = NO_DATA
) -> str:
    """Draw a line through points."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" class="{look}"{data_attributes(data)}/>'


def dots(
    points: Iterable[tuple[float, float]], look: str, data: Mapping[str, str] = NO_DATA
) -> str:
    """Draw many dots as one path: a tenth of the size of as many circles."""
    path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
    return f'<path d="{path}" class="dots {look}"{data_attributes(data)}/>'


def rectangle(
    x: float, y: float, width: float, height: float, look: str, radius: float = 2, about: str = ""
) -> str:
    """Draw a rectangle; `about` is said of it where it is pointed at."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{radius:g}" class="{escape(look)}"{data_attributes({"about": about})}/>'
    )


def axes(x: Scale, y: Scale, x_label: str, y_label: str) -> list[str]:
    """Draw gridlines, ticks and labels. The upright label stands level, on top, to be read."""
    marks = levels(y, x.start, x.end, y_label)
    for tick in x.ticks(4 if x.log else 6):  # 1,000 and 3,000 would touch
        marks.append(text(x(tick), y.start + 17, tick_label(tick), "tick", "middle"))
    marks.append(line(x.start, y.start, x.end, y.start, "base"))
    marks.append(text(x.end, y.start + 33, x_label, "axis", "end"))
    return marks


def levels(y: Scale, start: float, end: float, label: str) -> list[str]:
    """Draw the gridlines of an upright scale from `start` to `end`, with ticks and label."""
    marks = [text(0, min(y.start, y.end) - 12, label, "axis")]
    for tick in y.ticks():
        marks.append(line(start, y(tick), end, y(tick), "grid"))
        marks.append(text(start - 7, y(tick) + 4, tick_label(tick), "tick", "end"))
    return marks


def tick_label(value: float) -> str:
    """Write a tick as short as it can be."""
    return f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")


def apart(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions as little as needed to keep them `gap` apart and, if they fit, in bounds."""
    order = np.argsort(np.asarray(positions), kind="stable")
    places = np.asarray(positions, dtype=float)[order]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + gap)
    ceiling = high
    for index in reversed(range(len(places))):
        places[index] = max(min(places[index], ceiling), low + index * gap)
        ceiling = places[index] - gap
    result = np.empty(len(places))
    result[order] = places
    return [float(position) for position in result]
