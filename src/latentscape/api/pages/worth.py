"""What the code of each model is good for, beside raw pixels and PCA."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentscape.core.units import LEARNED, METRICS, joined, uncertainty, written
from latentscape.reporting import prose
from latentscape.reporting.blocks import Block, Cell, Details, Prose, Section, Table
from latentscape.reporting.learned import learned_baselines
from latentscape.reporting.subject import PICTURED, Row, Subject

CLUSTERED = LEARNED[: LEARNED.index("knn_accuracy")]
READ = ("readable", "readable_of_16")  # of raw pixels: how far the judge itself can be trusted
WIDEST = 7  # columns of numbers that stand side by side on paper


@dataclass(frozen=True)
class Entry:
    """A line of the table.

    Attributes
    ----------
    title : Cell
        A model or a baseline.
    kind : str
        As of `latentscape.core.records.Codes`.
    numbers : mapping
        Statistics by metric.
    """

    title: Cell
    kind: str
    numbers: Mapping[str, Mapping[str, Any]]

    def mean(self, metric: str) -> float | None:
        """Return the mean of a metric; None where it was not measured."""
        return (self.numbers.get(metric) or {}).get("mean")


def section(subject: Subject) -> Section | None:
    """Compare models and baselines in all that was measured of their codes."""
    models = [_model(row) for row in subject.rows]
    if not any(entry.numbers for entry in models):
        return None
    found = learned_baselines([[run.values for run in row.runs] for row in subject.rows])
    others = [baseline(code) for code in found]
    lead = (
        "An autoencoder earns its keep where its code serves better than what costs no training: "
        "the raw pixels themselves, and PCA with as many numbers. Both stand at the foot of each "
        "table; ★ marks the best of a column, whoever it is."
    )
    tables = [_table(subject, models, others, metrics) for metrics in _columns([*models, *others])]
    return Section("worth", "What the code is good for", lead, [*tables, *_verdicts(subject)])


def baseline(code: Mapping[str, Any]) -> Entry:
    """Make the line of a code that is no model's; see `latentscape.reporting.learned`."""
    return Entry(Cell(code["name"], title=True), code["kind"], code["learned"])


def _model(row: Row) -> Entry:
    numbers = {metric: row.statistic(metric) for metric in LEARNED}
    title = Cell(row.label, title=True, marks=row.marks)
    return Entry(title, "model", {metric: found for metric, found in numbers.items() if found})


def _columns(entries: Sequence[Entry]) -> list[list[str]]:
    """Return the metrics of each table: clusters apart from probes where they are many."""
    measured = [m for m in LEARNED if any(entry.mean(m) is not None for entry in entries)]
    if len(measured) <= WIDEST:
        return [measured]
    clustered = [metric for metric in measured if metric in CLUSTERED]
    return [clustered, [metric for metric in measured if metric not in clustered]]


def _table(
    subject: Subject, models: Sequence[Entry], others: Sequence[Entry], metrics: Sequence[str]
) -> Table:
    below = [entry for entry in others if any(entry.mean(m) is not None for m in metrics)]
    best = {metric: _best(metric, [*models, *below]) for metric in metrics}
    head = [("Code", ""), *((METRICS[m].name, METRICS[m].unit) for m in metrics)]
    body = [
        [entry.title, *(_cell(entry, metric, best[metric]) for metric in metrics)]
        for entry in (*models, *below)
    ]
    return Table(_caption(subject, metrics), head, body, len(below))


def _cell(entry: Entry, metric: str, best: str | None) -> Cell:
    text = written(metric, entry.mean(metric))
    starred = text == best and _competes(entry, metric)
    return Cell(text, starred, uncertainty(metric, entry.numbers.get(metric)))


def _best(metric: str, entries: Sequence[Entry]) -> str | None:
    """Return the best mean as it is printed, so that what looks equal is marked equally."""
    means = [entry.mean(metric) for entry in entries if _competes(entry, metric)]
    numbers = [mean for mean in means if mean is not None]
    return written(metric, max(numbers)) if len(numbers) > 1 else None


def _competes(entry: Entry, metric: str) -> bool:
    """Whether an entry can be beaten: originals are no reconstructions."""
    return not (entry.kind == "pixels" and metric in READ)


def _caption(subject: Subject, metrics: Sequence[str]) -> str:
    asked = (
        ("clustering", CLUSTERED),
        ("probing", LEARNED[len(CLUSTERED) : -2]),
        ("legibility", READ),
    )
    parts = [part for part, keys in asked if set(keys) & set(metrics)]
    # The sections on each part have the rest.
    said = [prose.protocols(subject.having(part), part, 2) for part in parts]
    if set(READ) & set(metrics):
        said.append("Beside raw pixels: how many of the originals the judge reads rightly.")
    if subject.seeds > 1:
        said.append("Means ± standard deviations over seeds.")
    return " ".join(filter(None, said))


def _verdicts(subject: Subject) -> Iterator[Block]:
    """Say of each model in what it does not beat its baselines."""
    told = [f"{row.label} {said}." for row in subject.rows if (said := _verdict(row))]
    if len(told) > PICTURED:
        yield Details("In what each model beats its baselines", "\n".join(told))
    elif told:
        yield Prose(told, listed=len(told) > 1)


def _verdict(row: Row) -> str:
    model = _model(row)
    found = learned_baselines([[run.values for run in row.runs]])
    groups: dict[str, list[str]] = {}
    for other in map(baseline, found):
        if other.kind != "other" and (said := _against(model, other)):
            groups.setdefault(said, []).append(other.title.text)
    return "; it ".join(said.format(_listed(said, names)) for said, names in groups.items())


def _listed(said: str, names: Sequence[str]) -> str:
    return " or ".join(names) if "not" in said else joined(names)


def _against(model: Entry, other: Entry) -> str:
    """Say in what a model beats another code, with braces for the name of that; or nothing."""
    won, lost = list[str](), list[str]()
    for metric in LEARNED:
        mine, its = model.mean(metric), other.mean(metric)
        if mine is not None and its is not None and _competes(other, metric):
            (won if mine > its else lost).append(_named(metric))
    if not won:
        return "does not beat {} in anything measured" if lost else ""
    if not lost:
        return "beats {} in everything measured"
    if len(won) < len(lost):
        return f"beats {{}} in {joined(won)} only"
    return f"does not beat {{}} in {joined(lost)}"


def _named(metric: str) -> str:
    """Name a metric in a sentence, with what tells it from others of its name."""
    name, unit = METRICS[metric].name, METRICS[metric].unit
    alike = sum(METRICS[other].name == name for other in LEARNED)
    # "K-means" and "MLP" keep their capitals, "Readable" does not.
    word = name[:1].lower() + name[1:] if name[1:2].islower() else name
    return f"{word} ({unit})" if alike > 1 else word
