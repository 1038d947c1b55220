"""The section on probes: how much of the labels a small classifier reads from frozen codes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from latentscape.analyses.notes import circumstances
from latentscape.analyses.probes.metrics import PROBE_ACCURACY
from latentscape.analyses.probes.result import (
    PROBES,
    Choices,
    CodeProbes,
    LearningPoint,
    Probes,
)
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.findings import Statistic
from latentscape.core.units import count, joined
from latentscape.reporting.blocks import Block, Cell, Chart, Gallery, Section, Table, figure_name
from latentscape.reporting.curves import Curve, curve_chart, ends
from latentscape.reporting.subject import Row, Subject, names_apart

Accuracies = Mapping[int, Statistic]
"""Number of labels to accuracy."""


@dataclass(frozen=True, eq=False)
class Line:
    """A code, and what classifiers reach on it.

    Attributes
    ----------
    title : Cell
        A model or a baseline.
    look : str
        CSS class of its lines.
    is_baseline : bool
        Whether it is no model.
    accuracies : mapping of str to Accuracies
        By kind of probe; kinds that were not trained are left out.
    choices : mapping of str to str
        What was chosen on validation images, with all labels, by kind of probe.
    """

    title: Cell
    look: str
    is_baseline: bool
    accuracies: Mapping[str, Accuracies]
    choices: Mapping[str, str]


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show what probes reach with few labels and with many, and how the MLP learned."""
    rows = subject.having(Probes)
    if not rows:
        return None
    lines = [*_models(subject, rows), *_baselines(rows)]
    kinds = [kind for kind in PROBES if any(kind in line.accuracies for line in lines)]
    blocks: list[Block] = [*circumstances(item, rows)]
    if any(len(of_kind) > 1 for line in lines for of_kind in line.accuracies.values()):
        blocks.append(Gallery([_chart(lines, kind) for kind in kinds]))
    blocks += [_table(subject, lines, kind) for kind in kinds]
    curves = [chart for row in rows if row in subject.pictured for chart in _learning(row)]
    if curves:
        blocks.append(Gallery(curves, "How the MLP learned, with all labels"))
    lead = (
        "The encoder stays as it is; a small classifier learns labels from its codes alone. A code "
        "that serves with few labels has sorted the images by itself; raw pixels and PCA, in grey, "
        "show what the classifier can do without it."
    )
    return Section("probes", "Probes", lead, blocks)


def _models(subject: Subject, rows: Sequence[Row]) -> Iterator[Line]:
    for row in rows:
        title = Cell(row.label, title=True, marks=row.marks)
        seeds = [probes.rows[0] for probes in row.seeds(Probes)]
        yield _line(title, subject.colour(row), seeds)


def _baselines(rows: Sequence[Row]) -> Iterator[Line]:
    """Return the other codes, each of them once for the same data."""
    seeds: dict[tuple[str, str], list[CodeProbes]] = {}
    for row in rows:
        before = set(seeds)
        for code in (code for probes in row.seeds(Probes) for code in probes.rows[1:]):
            if (key := (code.name, row.data.split_name)) not in before:
                seeds.setdefault(key, []).append(code)
    names = names_apart(seeds)
    for key in sorted(seeds, key=lambda key: (seeds[key][0].kind != "pixels", len(key[0]))):
        first, *rest = seeds[key]
        # The same numbers from every seed were measured once.
        is_same = all(code.results == first.results for code in rest)
        title = Cell(names[key], title=True)
        yield _line(title, f"other {first.kind}", [first] if is_same else seeds[key])


def _line(title: Cell, look: str, seeds: Sequence[CodeProbes]) -> Line:
    accuracies = {
        kind: _over_seeds([code.accuracies_of(kind) for code in seeds]) for kind in PROBES
    }
    choices = {result.probe: _written(result.scores[-1].choices) for result in seeds[0].results}
    return Line(
        title,
        look,
        seeds[0].kind != "model",
        {kind: of_kind for kind, of_kind in accuracies.items() if of_kind},
        choices,
    )


def _over_seeds(seeds: Sequence[Accuracies]) -> Accuracies:
    """Return statistics over seeds, or of a single one those over its draws of labels."""
    by_labels: dict[int, list[Statistic]] = {}
    for labels, accuracy in (pair for of_seed in seeds for pair in of_seed.items()):
        by_labels.setdefault(labels, []).append(accuracy)
    return {labels: _joint(by_labels[labels]) for labels in sorted(by_labels)}


def _joint(accuracies: Sequence[Statistic]) -> Statistic:
    if len(accuracies) == 1:
        return accuracies[0]
    joint = Statistic.of([a.mean for a in accuracies], accuracies[0].trials)
    assert joint is not None
    return joint


def _written(choices: Choices) -> str:
    """Write settings as in ``epochs 60, best epochs 42, 60 and 58``."""
    tried = choices.get("tried")
    texts = [
        f"{key.replace('_', ' ')} {_values(value)}"
        for key, value in choices.items()
        if key != "tried"
    ]
    if isinstance(tried, tuple):
        end = ", the limit" if choices["C"] in tried else ""
        texts.append(f"{tried[0]:g} to {tried[1]:g} tried{end}")
    return ", ".join(texts)


def _values(value: int | float | tuple[int, ...] | tuple[float, ...]) -> str:
    return joined([f"{number:g}" for number in (value if isinstance(value, tuple) else (value,))])


def _chart(lines: Sequence[Line], kind: str) -> Chart:
    """Draw accuracy against the number of labels, a line per code."""
    curves = [
        Curve(
            line.title.text,
            [(float(n), 100 * accuracy.mean) for n, accuracy in line.accuracies[kind].items()],
            line.look,
            [100 * (accuracy.sd or 0.0) for accuracy in line.accuracies[kind].values()],
        )
        for line in reversed(lines)
        if kind in line.accuracies
    ]
    alt = f"Test accuracy of {PROBES[kind]} by number of labels, in percent. {ends(curves)}"
    svg, crop = curve_chart(
        curves, (300, 300), "accuracy, %", alt, x_label="labels", ratios=(True, False)
    )
    legend = [(curve.look, curve.label) for curve in reversed(curves)]
    return Chart(figure_name("probe", kind), f"{PROBES[kind]} on frozen codes", svg, legend, crop)


def _table(subject: Subject, lines: Sequence[Line], kind: str) -> Table:
    lines = [line for line in lines if kind in line.accuracies]
    numbers = sorted({labels for line in lines for labels in line.accuracies[kind]})
    has_choices = any(line.choices.get(kind) for line in lines)
    head = [(f"{PROBES[kind]} on", ""), *((count(n), "labels") for n in numbers)]
    head += [("Chosen", "on validation")] if has_choices else []
    body = []
    for line in lines:
        cells = [_accuracy(line.accuracies[kind].get(n)) for n in numbers]
        choices = [Cell(line.choices.get(kind, ""))] if has_choices else []
        body.append([line.title, *cells, *choices])
    guesses = _guesses(subject, len(numbers), has_choices)
    draws = "draws of the labels"
    over = f"seeds, for baselines over {draws}" if subject.seeds > 1 else draws
    caption = (
        f"{PROBES[kind]}: accuracy on test images; standard deviations are over {over}, and "
        "intervals are what so many test images leave open (95 %, Wilson)."
    )
    n_apart = sum(line.is_baseline for line in lines) + len(guesses)
    return Table(caption, head, [*body, *guesses], n_apart)


def _guesses(subject: Subject, n_numbers: int, has_choices: bool) -> list[list[Cell]]:
    """Return lines of what takes no code at all, once for each kind of data."""
    guesses = {
        (name, row.data.split_name): accuracy
        for row in subject.having(Probes)
        if (guessing := row.first.require(Probes).guessing) is not None
        for name, accuracy in guessing.accuracies.items()
    }
    names = names_apart(guesses)
    return [
        [
            Cell(names[key], title=True),
            *[Cell(PROBE_ACCURACY.write(accuracy))] * n_numbers,
            *[Cell("")] * has_choices,
        ]
        for key, accuracy in guesses.items()
    ]


def _accuracy(accuracy: Statistic | None) -> Cell:
    mean = None if accuracy is None else accuracy.mean
    return Cell(PROBE_ACCURACY.write(mean), note=PROBE_ACCURACY.write_spread(accuracy))


def _learning(row: Row) -> Iterator[Chart]:
    """Draw loss and accuracy of the first seed's MLP over its epochs."""
    history = row.first.require(Probes).rows[0].curves
    if len(history) < 2:
        return
    for quantity, factor, unit in (("loss", 1, "nats"), ("accuracy", 100, "%")):
        curves = list(_curves(history, quantity, factor))
        alt = f"{quantity.capitalize()} of the MLP on codes of {row.label}. {ends(curves)}"
        svg, _ = curve_chart(curves, (320, 200), f"{quantity}, {unit}", alt, ratios=(False, False))
        yield Chart(figure_name("probe", quantity, row.label), f"{row.label}: {quantity}", svg)


def _curves(history: Sequence[LearningPoint], quantity: str, factor: float) -> Iterator[Curve]:
    value = attrgetter(quantity)
    train = [(float(point.epoch), factor * value(point.train)) for point in history]
    yield Curve("training", train, "c0 dashed")
    held_out = [(point.epoch, point.validation) for point in history if point.validation]
    if held_out:
        validation = [(float(epoch), factor * value(fit)) for epoch, fit in held_out]
        yield Curve("validation", validation, "c0")
