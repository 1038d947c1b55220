"""The tables of a report: errors, bounds and costs; errors by label; times."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from latentscape.analyses.registry import analyses
from latentscape.api.pages import charts
from latentscape.core.metrics import Metric
from latentscape.core.units import NONE, count, duration, joined, number, out_of
from latentscape.evaluation.latent_metrics import ACTIVE_UNITS, BITS_PER_DIM, ELBO, RATE
from latentscape.evaluation.quantities import tabled_metrics
from latentscape.evaluation.quantities.squared_error import MSE
from latentscape.reporting.blocks import Block, Cell, Section, Table
from latentscape.reporting.likelihoods import Group, by_kind, explain_group, kind_of, name_kind
from latentscape.reporting.sentences import (
    by_sentence,
    describe_supervision,
    describe_terms,
)
from latentscape.reporting.subject import Row, Subject

OUTCOMES = {"wins": "beaten", "loses": "not beaten", "undecided": "undecided"}
_COSTS = (("Code", "numbers"), ("Parameters", ""), ("Epochs", "× images"), ("Training", "time"))


def results(subject: Subject) -> list[Table]:
    """Make a table with a line per model, all its test metrics and the best of each column marked.

    Where models of a study have bounds, these stand in tables of their own, one for each kind of
    likelihood, and what each model takes in another: one with all columns is too wide for paper.
    """
    metrics = _measured(subject.rows, tabled_metrics())
    # A single model has its bounds in a section of their own, further down.
    bounds = [] if subject.is_single else by_kind(subject.rows, _bound_metrics(), _has)
    # The errors first: a phone shows only the first few columns.
    first, *rest = [_heading(metric) for metric in metrics]
    head = [("Model", ""), first, ("PCA’s MSE", "same code size"), *rest]
    body, caption = _errors(subject, metrics), _errors_caption(subject, metrics)
    if bounds:
        return [Table(caption, head, body), *map(_bounds, bounds), _takes(subject)]
    body = [[*cells, *_costs(row)] for cells, row in zip(body, subject.rows, strict=True)]
    if subject.is_single:
        body += _baselines(subject.rows[0], metrics)
    return [Table(caption, [*head, *_COSTS], body)]


def title_cell(row: Row) -> Cell:
    """Name a row, with its marks."""
    return Cell(row.label, title=True, marks=row.marks)


def model_heading(group: Group) -> tuple[str, str]:
    """Return the heading of the models of a table, with the kind of its numbers below."""
    return "Model", "" if group.kind is None else name_kind(group.kind)


def timings_section(subject: Subject) -> Section:
    """Compare training times."""
    blocks: list[Block] = [] if subject.is_single else [charts.times(subject)]
    return Section("timings", "Run times", "", [*blocks, timings(subject)])


def timings(subject: Subject) -> Table:
    """List training time in total and by epoch, and relative to the quickest model."""
    seconds = [row.facts.train_seconds.mean for row in subject.rows]
    head = [("Model", ""), ("In all", ""), ("An epoch", ""), ("Speed", "images/s")]
    head += [("Relative", "to the quickest")]
    body = []
    for row, total in zip(subject.rows, seconds, strict=True):
        history = row.first.history
        texts = [duration(total), duration(history.seconds_per_epoch)]
        texts += [number(history.images_per_second, 3)]
        texts += [f"{number(total / min(seconds), 2)} ×" if min(seconds) > 0 else NONE]
        body.append([title_cell(row), *map(Cell, texts)])
    return Table("An epoch and speed are those of the first seed.", head, body)


def classes_section(subject: Subject) -> Section | None:
    """Compare errors by label; None without labels."""
    table = by_class(subject)
    if table is None:
        return None
    return Section("classes", "Label by label", labels_used(subject.rows), [table])


def by_class(subject: Subject) -> Table | None:
    """List errors by label, in thousandths; None without labels."""
    rows = [row for row in subject.rows if row.evaluation.per_class]
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row.evaluation.per_class))
    caption = (
        "Test MSE × 1000 per pixel for each label, first seed. The stronger the tint, the harder "
        "that label is for that model; compare along a row."
    )
    head = [("Model", ""), *((name, "") for name in names)]
    return Table(caption, head, [_class_cells(row, names) for row in rows])


def labels_used(rows: Iterable[Row]) -> str:
    """Say which labels the numbers of rows used, each sentence once."""
    return " ".join(dict.fromkeys(describe_supervision(row.facts.supervision) for row in rows))


def _heading(metric: Metric) -> tuple[str, str]:
    return metric.name, metric.unit


def _measured(rows: Sequence[Row], metrics: Iterable[Metric]) -> list[Metric]:
    """Return the metrics that any of the rows has."""
    return [metric for metric in metrics if any(row.mean(metric) is not None for row in rows)]


def _bound_metrics() -> list[Metric]:
    """Return what stands beside the errors where a model has a posterior and a prior."""
    summaries = (metric for item in analyses() for metric in item.summary_metrics)
    return [ELBO, RATE, BITS_PER_DIM, ACTIVE_UNITS, *summaries]


def _has(row: Row, metric: Metric) -> bool:
    return row.mean(metric) is not None


def _best_text(rows: Sequence[Row], metric: Metric) -> str | None:
    """Return the best mean as it is printed, so that what looks equal is marked equally."""
    means = [mean for row in rows if (mean := row.mean(metric)) is not None]
    if len(rows) < 2 or not means or metric in (RATE, ACTIVE_UNITS):
        return None  # Neither is better for being more, or less.
    return metric.write(max(means) if metric.higher_is_better else min(means))


def _errors(subject: Subject, metrics: Sequence[Metric]) -> list[list[Cell]]:
    rows = subject.rows if subject.has_one_dataset else ()
    best = {metric: _best_text(rows, metric) for metric in metrics}
    body = []
    for row in subject.rows:
        first, *rest = (_metric_cell(row, metric, best[metric]) for metric in metrics)
        comparison = row.facts.comparison
        note = OUTCOMES[comparison.outcome] + "*" * (not comparison.is_like_for_like)
        body.append([title_cell(row), first, Cell(number(comparison.pca_mse), note=note), *rest])
    return body


def _bounds(group: Group) -> Table:
    """List what models with a prior have, of one kind of likelihood."""
    best, is_fair = dict[Metric, str | None](), True
    for metric in group.metrics:
        rows = [row for row in group.rows if group.holds(row, metric)]
        alike = _comparable(rows, metric)
        best[metric] = _best_text(rows, metric) if alike else None
        is_fair = is_fair and alike
    head = [model_heading(group), *map(_heading, group.metrics)]
    body = [
        [title_cell(row), *(_bound_cell(group, row, m, best[m]) for m in group.metrics)]
        for row in group.rows
    ]
    return Table(" ".join(_bounds_caption(group, is_fair)), head, body)


def _bound_cell(group: Group, row: Row, metric: Metric, best: str | None) -> Cell:
    return _metric_cell(row, metric, best) if group.holds(row, metric) else Cell(NONE)


def _bounds_caption(group: Group, is_fair: bool) -> Iterator[str]:
    yield from explain_group(group)
    if directions := _directions(group.metrics):
        yield directions
    if not group.is_complete:
        yield "A dash stands where a model has none of this kind."
    if given := [row.label for row in group.rows if row.first.recipe.model.condition]:
        yield f"Those of {joined(given)} are of images whose labels are given, which take less."
    if not is_fair:
        yield "Numbers compare only on the same pixels, measured in the same way."


def _takes(subject: Subject) -> Table:
    """List the code and the costs of each model."""
    body = [[title_cell(row), *_costs(row)] for row in subject.rows]
    return Table("What each model takes.", [("Model", ""), *_COSTS], body)


def _directions(metrics: Sequence[Metric]) -> str:
    """Say which way each bound is better."""
    words = {True: "higher", False: "lower"}
    bounds = [metric for metric in metrics if metric not in (RATE, ACTIVE_UNITS)]
    phrases = [f"{words[metric.higher_is_better]} {metric.name}" for metric in bounds]
    verb = "are" if len(phrases) > 1 else "is"
    return f"In this table {joined(phrases)} {verb} better." if phrases else ""


def _costs(row: Row) -> list[Cell]:
    facts = row.facts
    return [
        Cell(count(row.numbers), note="places" if row.numbers < facts.latent_dim else ""),
        Cell(count(facts.parameters)),
        Cell(f"{count(facts.epochs)} × {count(facts.sizes.train)}"),
        Cell(duration(facts.train_seconds.mean)),
    ]


def _metric_cell(row: Row, metric: Metric, best: str | None) -> Cell:
    note = metric.write_spread(row.statistic(metric))
    if metric is ACTIVE_UNITS:
        return Cell(out_of(row.mean(metric), row.facts.latent_dim), note=note)
    text = metric.write(row.mean(metric))
    return Cell(text, text == best, note)


def _baselines(row: Row, metrics: Sequence[Metric]) -> Iterator[list[Cell]]:
    pca = row.evaluation.pca
    yield _baseline(f"PCA, {pca.dim} components", pca.metrics, metrics)
    yield _baseline("The mean image alone", row.evaluation.mean_image, metrics)


def _baseline(
    label: str, values: Mapping[str, float | None], metrics: Sequence[Metric]
) -> list[Cell]:
    first, *rest = (Cell(metric.write(values.get(metric.key))) for metric in metrics)
    return [Cell(label, title=True), first, Cell(""), *rest, *[Cell("")] * len(_COSTS)]


def _errors_caption(subject: Subject, metrics: Sequence[Metric]) -> str:
    rising = joined([metric.name for metric in metrics if metric.higher_is_better])
    parts = [f"On test images. Lower is better in every column{f' but {rising}' * bool(rising)}."]
    if not subject.is_single:
        parts += [_best_explained(subject), *_marks_explained(subject.rows)]
    if any(row.facts.comparison.difference for row in subject.rows):
        parts.append(
            "PCA is beaten where the 95 % interval of the difference, image by image, lies below "
            "zero."
        )
    terms = [(row.label, describe_terms(row.facts.comparison)) for row in subject.rows]
    parts += [f"* {sentence}" for sentence in by_sentence(terms)]
    floors = {row.evaluation.entropy_floor for row in subject.rows} - {None}
    if len(floors) == 1:
        parts.append(
            f"BCE cannot fall below {number(floors.pop(), 3)} nats per pixel on these images, "
            "because their pixels are grey and not black or white; “above floor” is what a model "
            "can still gain."
        )
    if subject.study and subject.study.members.ranked:
        parts.append("Ordered by MSE on the validation images, best first.")
    return " ".join(parts)


def _best_explained(subject: Subject) -> str:
    if subject.has_one_dataset:
        return "★ marks the best of a column."
    return "No best is marked, because the models were measured on different images or pixels."


def _comparable(rows: Iterable[Row], metric: Metric) -> bool:
    """Whether numbers of one kind were measured of the same pixels, with one protocol."""
    keys = {_conditions(row, metric) for row in rows if row.mean(metric) is not None}
    return len(keys) < 2


def _conditions(row: Row, metric: Metric) -> tuple[str, ...]:
    recipe = row.first.recipe
    results = [row.get(item.result) for item in analyses() if metric in item.summary_metrics]
    settings = [result.settings.model_dump_json() for result in results if result is not None]
    # Scores of two likelihoods have no unit in common.
    kind = kind_of(row, metric)
    scored_by = recipe.model.likelihood.kind if kind is not None and kind.of == "score" else ""
    given = "label" if recipe.model.condition else ""
    return row.data.fingerprint, recipe.data.binarize, scored_by, given, *settings


def _marks_explained(rows: Sequence[Row]) -> Iterator[str]:
    """Say what the marks beside the labels mean."""
    supervised = dict.fromkeys(row.facts.supervision for row in rows if row.supervised)
    for supervision in supervised:
        labels = [row.label for row in rows if row.facts.supervision == supervision]
        yield f"“labels” ({joined(labels)}): {describe_supervision(supervision)}"
    if collapsed := [row.label for row in rows if row.facts.collapse]:
        yield f"“collapsed” ({joined(collapsed)}): the code is not used."


def _class_cells(row: Row, names: Sequence[str]) -> list[Cell]:
    key = MSE.metric.key
    errors = {name: of.metrics.get(key) for name, of in row.evaluation.per_class.items()}
    known = [error for error in errors.values() if error is not None]
    cells = [Cell(row.label, title=True)]
    for name in names:
        error = errors.get(name)
        text = number(None if error is None else 1000 * error, 3)
        cells.append(Cell(text, heat=None if error is None else _heat(error, known)))
    return cells


def _heat(error: float, errors: Sequence[float]) -> float | None:
    """Return where an error lies between the smallest and the largest; None if all are equal."""
    low, high = min(errors), max(errors)
    return None if high == low else (error - low) / (high - low)
