"""Charts of a search: its history, what mattered, its trials side by side."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from statistics import median

from latentscape.config.space import Choices, Key, Range
from latentscape.core.units import joined, percent
from latentscape.evaluation.search import MEASURES, Search, SearchTrial
from latentscape.reporting.blocks import Chart, figure_name
from latentscape.reporting.curves import LOG_FROM, Curve, curve_chart
from latentscape.reporting.search import write_key
from latentscape.reporting.svg import (
    Scale,
    axes,
    document,
    dots,
    fit,
    levels,
    line,
    polyline,
    rectangle,
    text,
    tick_label,
)

BEST, DONE, STOPPED = "c1", "c0", "faint"
"""Colours of the best trial, of those that finished, and of those that were stopped."""

_DOTS = {BEST: BEST, DONE: DONE, STOPPED: "other small"}
_NAMES = {BEST: "best", DONE: "finished", STOPPED: "stopped"}

REACH = 4.0
"""Values are shown up to so many times the way from the lowest to the middle of those that count:
what a trial that was stopped was worth by then is mostly far above."""

FEW = 4

BOLD = 7.2
"""Width of an average letter of a name."""

_LONGEST = 14


def last_value(trial: SearchTrial) -> float | None:
    """Return what a trial is worth: where it was stopped, what it was worth by then."""
    if trial.value is not None:
        return trial.value
    return trial.curve[-1] if trial.curve else None


def shown_up_to(search: Search) -> float:
    """Return the largest value that charts have room for: a few bad trials would flatten them.

    Where few have finished, those that were stopped count too: else none of them had room.
    """
    values = [trial.value for trial in search.trials if trial.value is not None]
    if len(values) < FEW:
        values = [value for trial in search.trials if (value := last_value(trial)) is not None]
    limit = min(values) + REACH * (median(values) - min(values))
    return max(values) if limit <= min(values) else min(max(values), limit)


def colour(search: Search, trial: SearchTrial) -> str:
    """Return the colour class of a trial."""
    if trial.number == search.best:
        return BEST
    return DONE if trial.state == "finished" else STOPPED


def history(search: Search) -> Chart:
    """Draw what each trial is worth, and the best by then."""
    y_label, limit = _label(search), shown_up_to(search)
    known = [(trial, value) for trial in search.trials if (value := last_value(trial)) is not None]
    x = Scale(0.5, search.trials[-1].number + 0.5, 50, 440, finest=1)
    y = fit([min(value, limit) for _, value in known], 236, 28, log_from=LOG_FROM)
    marks = axes(x, y, "trial", y_label)
    best = accumulate((_finished_value(trial) for trial in search.trials), min)
    steps = [(t.number, v) for t, v in zip(search.trials, best, strict=True) if v < math.inf]
    marks.append(polyline(_stairs(x, y, steps), f"curve {BEST}", {"name": "best by then"}))
    marks += _dots(search, known, lambda trial: x(trial.number), y)
    svg = document(450, 276, marks, f"{y_label} of {len(known)} trials, in order.", {"y": y_label})
    caption = "Each trial, and the best of those that finished by then. " + _colours(search)
    return Chart("search-history", caption + _cut(search, limit), svg)


def curves(search: Search) -> Chart:
    """Draw what each trial was worth after each epoch."""
    order = sorted(search.trials, key=lambda trial: (trial.number == search.best, trial.value or 0))
    lines = [
        Curve(
            f"trial {trial.number}" if trial.number == search.best else "",
            [(float(e), v) for e, v in enumerate(trial.curve, 1)],
            _line_look(search, trial),
            name=f"trial {trial.number}",
        )
        for trial in order
        if trial.curve
    ]
    alt = f"{_label(search)} of trials after each epoch."
    svg, crop = curve_chart(lines, (440, 276), _label(search), alt)
    caption = "The same after each epoch: where a line ends early, its trial was stopped."
    return Chart("search-curves", caption, svg, crop=crop)


def importance(search: Search) -> Chart:
    """Draw which share each setting has in the differences between trials."""
    width, row = 440, 34
    marks = []
    for index, (path, share) in enumerate(search.importance.items()):
        y = row * index + 14
        marks.append(text(0, y, path, "name"))
        marks.append(text(width, y, percent(share), "tick", "end"))
        bar = max(1.0, share * width)
        marks.append(rectangle(0, y + 6, bar, 9, f"fill {DONE}", about=f"{path}: {percent(share)}"))
    alt = "; ".join(f"{path} {percent(share)}" for path, share in search.importance.items())
    return Chart(
        "search-importance",
        "Share of each setting in what sets the better trials apart (PED-ANOVA), among those that "
        "finished.",
        document(width, row * len(search.importance) + 4, marks, f"Importance: {alt}."),
    )


def coordinates(search: Search) -> Chart:
    """Draw each trial as a line through its settings, up to what it is worth."""
    limit, top, bottom = shown_up_to(search), 44, 250
    measure = MEASURES[search.metric].name
    longest = max(map(len, [*search.space, measure]))
    gap = max(90.0, BOLD * longest + 16)
    places = {path: gap * (index + 0.5) for index, path in enumerate(search.space)}
    end = gap * (len(places) + 0.5)
    known = [(trial, value) for trial in search.trials if (value := last_value(trial)) is not None]
    y = fit([min(value, limit) for _, value in known], bottom, top)
    values = [((y(tick) - bottom) / (top - bottom), tick_label(tick)) for tick in y.ticks()]
    marks = list[str]()
    # The better ones come last, on top of the others.
    for trial, value in sorted(known, key=lambda pair: (pair[0].state == "finished", -pair[1])):
        points = [
            (x, bottom + _place(search.space[path], trial.params[path]) * (top - bottom))
            for path, x in places.items()
            if path in trial.params
        ]
        about = f"trial {trial.number}: {MEASURES[search.metric].write(value)}"
        look = _line_look(search, trial)
        marks.append(polyline([*points, (end, y(min(value, limit)))], look, {"about": about}))
    # On top, with a margin of the colour of the page: lines would run through the words.
    for path, x in places.items():
        marks += _upright(path, x, top, bottom, _ticks(search.space[path]))
    marks += _upright(measure, end, top, bottom, values)
    alt = f"Settings of {len(known)} trials, each a line that ends at its {_label(search)}."
    return Chart(
        "search-coordinates",
        "Each line is a trial, from its settings to what it is worth; the better the lower. "
        + _colours(search),
        document(end + gap / 2, bottom + 16, marks, alt),
        wide=True,
    )


def slices(search: Search) -> list[Chart]:
    """Draw what trials are worth over each setting."""
    return [_slice(search, path) for path in search.space]


def _slice(search: Search, path: str) -> Chart:
    limit, own = shown_up_to(search), search.space[path]
    known = [
        (trial, value)
        for trial in search.trials
        if path in trial.params and (value := last_value(trial)) is not None
    ]
    y = fit([min(value, limit) for _, value in known], 196, 28, log_from=LOG_FROM)
    marks = [*levels(y, 50, 300, _label(search)), line(50, 196, 300, 196, "base")]
    marks.append(text(300, 229, path, "axis", "end"))
    for share, label in _ticks(own):
        marks.append(text(62 + share * 226, 213, label, "tick", "middle"))
    marks += _dots(search, known, lambda trial: 62 + _place(own, trial.params[path]) * 226, y)
    alt = f"{_label(search)} of trials over {path}."
    return Chart(figure_name("search", path), path, document(320, 236, marks, alt))


def _dots(
    search: Search,
    known: Sequence[tuple[SearchTrial, float]],
    x: Callable[[SearchTrial], float],
    y: Scale,
) -> Iterator[str]:
    """Draw a dot for each trial; the best is on top."""
    for look in (STOPPED, DONE, BEST):
        group = [(trial, value) for trial, value in known if colour(search, trial) == look]
        places = [(x(trial), y(min(value, y.high))) for trial, value in group]
        yield dots(places, _DOTS[look], {"name": _NAMES[look]}) if places else ""


def _upright(
    name: str, x: float, top: float, bottom: float, ticks: Sequence[tuple[float, str]]
) -> Iterator[str]:
    """Draw an upright axis, its name above it."""
    yield line(x, top, x, bottom, "base")
    yield text(x, top - 24, name, "name", "middle")
    for share, label in ticks:
        yield text(x + 6, bottom + share * (top - bottom) + 4, label, "tick halo")


def _place(dimension: Range | Choices, key: Key) -> float:
    """Return where a value stands on an axis from 0 to 1."""
    if isinstance(dimension, Choices):
        keys = [*map(repr, dimension.keys)]
        return keys.index(repr(key)) / (len(keys) - 1)
    scale = Scale(dimension.low, dimension.high, 0.0, 1.0, dimension.log)
    return scale(float(key)) if isinstance(key, int | float) else 0.0


def _ticks(dimension: Range | Choices) -> list[tuple[float, str]]:
    """Return places on an axis from 0 to 1, and what stands there."""
    if isinstance(dimension, Choices):
        return [(_place(dimension, key), _shortened(write_key(key))) for key in dimension.keys]
    finest = 1.0 if dimension.whole else 0.0
    scale = Scale(dimension.low, dimension.high, 0.0, 1.0, dimension.log, finest)
    return [(scale(tick), tick_label(tick)) for tick in scale.ticks(4)]


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"


def _stairs(
    x: Scale, y: Scale, steps: Sequence[tuple[int, float]]
) -> Iterator[tuple[float, float]]:
    """Yield the corners of a line that falls where there is a better trial."""
    for (number, value), (following, _) in zip(steps, [*steps[1:], (x.high, 0.0)], strict=True):
        yield x(number), y(value)
        yield x(following), y(value)


def _finished_value(trial: SearchTrial) -> float:
    return math.inf if trial.value is None else trial.value


def _line_look(search: Search, trial: SearchTrial) -> str:
    look = colour(search, trial)
    return f"curve {look}" if look != DONE else f"curve {DONE} seed"


def _label(search: Search) -> str:
    measure = MEASURES[search.metric]
    return f"validation {measure.name}, {measure.unit}"


def _colours(search: Search) -> str:
    words = ["orange is the best"]
    if search.count("finished") > 1:
        words.append("blue are others that finished")
    if search.count("stopped"):
        words.append("grey are those that were stopped, with their last value")
    return f"{joined(words).capitalize()}."


def _cut(search: Search, limit: float) -> str:
    above = sum((last_value(trial) or 0.0) > limit for trial in search.trials)
    if not above:
        return ""
    verb = "lies" if above == 1 else "lie"
    return f" {above} {verb} above, and {'is' if above == 1 else 'are'} drawn at the upper edge."
