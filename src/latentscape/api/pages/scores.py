"""The section on what the code of each model is good for, beside raw pixels and PCA."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from latentscape.analyses.metrics import score_metrics
from latentscape.analyses.notes import protocols
from latentscape.analyses.registry import AnyAnalysis, analyses
from latentscape.analyses.summaries import baseline_statistics
from latentscape.api.pages.tables import title_cell
from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.core.units import joined
from latentscape.evaluation.study import CodeScores, CodeStatistics
from latentscape.reporting.blocks import Block, Cell, Details, Prose, Section, Table
from latentscape.reporting.subject import MAX_PICTURED, Row, Subject

MAX_COLUMNS = 7  # Columns of numbers that stand side by side on paper.


@dataclass(frozen=True)
class Entry:
    """A line of the table.

    Attributes
    ----------
    title : Cell
        A model or a baseline.
    kind : str
        As of `latentscape.core.records.Codes`.
    statistics : mapping of str to Statistic
        By the key of the metric.
    """

    title: Cell
    kind: str
    statistics: Mapping[str, Statistic]

    def mean(self, metric: Metric) -> float | None:
        """Return the mean of a metric; None where it was not measured."""
        statistic = self.statistics.get(metric.key)
        return None if statistic is None else statistic.mean


def section(subject: Subject) -> Section | None:
    """Compare models and baselines in all that was measured of their codes."""
    models = [_model(row) for row in subject.rows]
    if not any(entry.statistics for entry in models):
        return None
    codes = subject.study.baselines if subject.study else ()
    codes = codes or baseline_statistics(row.runs for row in subject.rows)
    baselines = [_baseline(code) for code in codes]
    lead = (
        "An autoencoder earns its keep where its code serves better than what costs no training: "
        "the raw pixels themselves, and PCA with as many numbers. Both stand at the foot of each "
        "table, with what guessing reaches; ★ marks the best of a column, whoever it is. "
        "Where intervals overlap, the order decides nothing."
    )
    tables = [_table(subject, models, baselines, group) for group in _groups([*models, *baselines])]
    title = "What the code is good for"
    return Section("scores", title, lead, [*tables, *_verdicts(subject)])


def codes_table(item: AnyAnalysis, codes: Sequence[CodeScores], caption: str) -> Table:
    """Compare codes in all that an analysis has measured of them, baselines below the model."""
    entries = [Entry(Cell(c.name, title=True), c.kind, c.statistics) for c in codes]
    return _columns(entries, [item], caption, sum(code.kind != "model" for code in codes))


def _model(row: Row) -> Entry:
    statistics = {metric.key: row.statistic(metric) for metric in score_metrics()}
    return Entry(title_cell(row), "model", {k: s for k, s in statistics.items() if s is not None})


def _baseline(code: CodeStatistics) -> Entry:
    return Entry(Cell(code.name, title=True), code.kind, code.statistics)


def _groups(entries: Sequence[Entry]) -> list[list[AnyAnalysis]]:
    """Return the analyses whose metrics share a table, as many as find room side by side."""
    widths = {item: len(_measured(item, entries)) for item in analyses()}
    items = [item for item, width in widths.items() if width]
    if sum(widths.values()) <= MAX_COLUMNS:
        return [items]
    groups: list[list[AnyAnalysis]] = []
    # The widest first, so that others find room beside each other.
    for item in sorted(items, key=lambda item: -widths[item]):
        for group in groups:
            if sum(widths[other] for other in (*group, item)) <= MAX_COLUMNS:
                group.append(item)
                break
        else:
            groups.append([item])
    return groups


def _measured(item: AnyAnalysis, entries: Sequence[Entry]) -> list[Metric]:
    """Return the metrics of an analysis that any entry has."""
    return [m for m in item.metrics if any(entry.mean(m) is not None for entry in entries)]


def _table(
    subject: Subject,
    models: Sequence[Entry],
    baselines: Sequence[Entry],
    items: Sequence[AnyAnalysis],
) -> Table:
    entries = [*models, *baselines]
    keys = {metric.key for item in items for metric in _measured(item, entries)}
    below = [entry for entry in baselines if keys & entry.statistics.keys()]
    statistics = [s for entry in entries for key, s in entry.statistics.items() if key in keys]
    return _columns([*models, *below], items, _caption(subject, items, statistics), len(below))


def _columns(
    entries: Sequence[Entry], items: Sequence[AnyAnalysis], caption: str, apart: int
) -> Table:
    """Put the metrics of analyses beside each other."""
    columns = [(metric, item) for item in items for metric in _measured(item, entries)]
    cells = [_column(metric, item, entries) for metric, item in columns]
    head = [("Code", ""), *((metric.name, metric.unit) for metric, _ in columns)]
    lines = zip(*cells, strict=True)
    body = [[entry.title, *line] for entry, line in zip(entries, lines, strict=True)]
    return Table(caption, head, body, apart)


def _column(metric: Metric, item: AnyAnalysis, entries: Sequence[Entry]) -> Iterator[Cell]:
    """Write a metric of all entries, the best of them marked."""
    best = _best(metric, item, entries)
    for entry in entries:
        text = metric.write(entry.mean(metric))
        is_best = text == best and _competes(entry, item)
        yield Cell(text, is_best, metric.write_spread(entry.statistics.get(metric.key)))


def _best(metric: Metric, item: AnyAnalysis, entries: Sequence[Entry]) -> str | None:
    """Return the best mean as it is printed, so that what looks equal is marked equally."""
    means = [entry.mean(metric) for entry in entries if _competes(entry, item)]
    numbers = [mean for mean in means if mean is not None]
    if len(numbers) < 2:
        return None
    return metric.write(max(numbers) if metric.higher_is_better else min(numbers))


def _competes(entry: Entry, item: AnyAnalysis) -> bool:
    """Whether an entry can be beaten: originals are no reconstructions."""
    return entry.kind not in item.ceilings


def _caption(
    subject: Subject, items: Sequence[AnyAnalysis], statistics: Sequence[Statistic]
) -> str:
    # The sections of the analyses have the rest.
    sentences = [protocols(item, subject.having(item.result), 2) for item in items]
    if subject.seeds > 1:
        sentences.append(
            "Means ± standard deviations over seeds; of baselines, over repetitions of the method."
        )
    elif any(statistic.sd for statistic in statistics):
        sentences.append(
            "± is the standard deviation over repetitions of the method with other seeds."
        )
    if any(statistic.trials for statistic in statistics):
        sentences.append("Intervals: what so many test images leave open (95 %, Wilson).")
    return " ".join(filter(None, sentences))


def _verdicts(subject: Subject) -> Iterator[Block]:
    """Say of each model in what it does not beat its baselines."""
    sentences = [f"{row.label} {text}." for row in subject.rows if (text := _verdict(row))]
    if len(sentences) > MAX_PICTURED:
        yield Details("In what each model beats its baselines", "\n".join(sentences))
    elif sentences:
        yield Prose(sentences, listed=len(sentences) > 1)


def _verdict(row: Row) -> str:
    """Say what a model does not beat in which metrics, and what it beats."""
    model, groups = _model(row), dict[str, list[str]]()
    for baseline in map(_baseline, baseline_statistics([row.runs])):
        if baseline.kind not in ("other", "guess") and (phrase := _against(model, baseline)):
            groups.setdefault(phrase, []).append(baseline.title.text)
    return "; it ".join(phrase.format(_listed(phrase, names)) for phrase, names in groups.items())


def _listed(phrase: str, names: Sequence[str]) -> str:
    return " or ".join(names) if "not" in phrase else joined(names)


def _against(model: Entry, baseline: Entry) -> str:
    """Say in what a model beats another code, with braces for the name of that; or nothing."""
    better, worse = list[str](), list[str]()
    for metric, item in _scored():
        value, other = model.mean(metric), baseline.mean(metric)
        if value is not None and other is not None and _competes(baseline, item):
            is_better = value != other and metric.is_better(value, other)
            (better if is_better else worse).append(_named(metric))
    if not better:
        return "does not beat {} in anything measured" if worse else ""
    if not worse:
        return "beats {} in everything measured"
    if len(better) < len(worse):
        return f"beats {{}} in {joined(better)} only"
    return f"does not beat {{}} in {joined(worse)}"


def _scored() -> Iterator[tuple[Metric, AnyAnalysis]]:
    """Yield every metric of codes with the analysis that measures it."""
    for item in analyses():
        yield from ((metric, item) for metric in item.metrics)


def _named(metric: Metric) -> str:
    """Name a metric in a sentence, with what tells it from others of its name."""
    is_shared = sum(other.name == metric.name for other in score_metrics()) > 1
    # "K-means" and "MLP" keep their capitals, "Readable" does not.
    name = metric.name[:1].lower() + metric.name[1:] if metric.name[1:2].islower() else metric.name
    return f"{name} ({metric.unit})" if is_shared else name
