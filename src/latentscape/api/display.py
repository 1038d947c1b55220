"""What notebooks show of runs, findings, tables, data, recipes and pictures."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from latentscape.analyses.analysis import Result
from latentscape.analyses.notes import describe_method, skip_sentences
from latentscape.analyses.registry import analysis
from latentscape.analyses.summaries import run_subject
from latentscape.api.listing import Listing
from latentscape.api.pages import charts, learning, reconstructions, scores, summary
from latentscape.api.pages.rendering import environment, notebook_style
from latentscape.api.pages.runs import link_to
from latentscape.api.pages.settings import as_yaml
from latentscape.api.pages.tables import OUTCOMES
from latentscape.api.pictures.sheets import Sheet
from latentscape.config import SHORT_NAMES, Recipe, Study
from latentscape.core.errors import LatentscapeError
from latentscape.core.records import PARTS, Dataset, Split
from latentscape.core.tables import Table, written
from latentscape.core.units import count, duration, number, shape
from latentscape.data import DataSummary
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.section import alarm, following
from latentscape.doctor.trial import Trial
from latentscape.doctor.trial_table import protocol, trial_rows, verdict
from latentscape.doctor.wording import known, options, skips
from latentscape.doctor.wording import summary as summarise
from latentscape.evaluation.results import Evaluation
from latentscape.evaluation.study import StudyFindings, StudyRow
from latentscape.reporting import blocks
from latentscape.reporting.blocks import (
    Aside,
    Block,
    Cell,
    Details,
    Gallery,
    Panel,
    Plate,
    Prose,
)
from latentscape.reporting.duplicates import describe_duplicates
from latentscape.reporting.sentences import (
    as_sentence,
    describe_left_out,
    describe_range,
    describe_store,
    describe_tests_on_validation,
    describe_verdict,
)
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import Run, RunFindings
from latentscape.runs.facts import History
from latentscape.terminal.datasets import summary_rows

MAX_ROWS = 20
"""Rows of a table; of more the first and the last are shown."""

_OF_RUNS = ("name", "kind", "state", "recipe", "data", "epochs", "mse", "pca_mse", "outcome")

_EXAMPLES, _ACROSS, _TILE = 16, 8, 48


@dataclass(frozen=True)
class View:
    """What is shown of an object.

    Attributes
    ----------
    title, kind : str
        What it is called, and what it is.
    about : str
        A sentence or two.
    facts : sequence of (str, str)
        Names and values, below each other.
    blocks : sequence of Block
        Pieces of a report.
    link : str
        Address of its report.
    picture : bytes or None
        A PNG that is large enough as it is.
    """

    title: str
    kind: str
    about: str = ""
    facts: Sequence[tuple[str, str]] = ()
    blocks: Sequence[Block] = ()
    link: str = ""
    picture: bytes | None = None


def html_of(value: object) -> str:
    """Return what a notebook shows of an object: HTML that needs nothing but itself."""
    try:
        view = view_of(value)
    except LatentscapeError as error:
        alarm = Aside("alarm", "It cannot be shown.", [str(error)])
        view = View(repr(value), type(value).__name__.lower(), blocks=[alarm])
    template = environment().get_template("notebook.html")
    return template.render(view=view, style=Markup(notebook_style()))


@singledispatch
def view_of(value: object) -> View:
    """Say what is shown of an object."""
    raise NotImplementedError(f"Notebooks show no {type(value).__name__}")


@view_of.register
def _(run: Run) -> View:
    facts = [*_run_facts(run), ("directory", str(run.path))]
    findings = RunFindings(run) if run.finished else None
    if findings is None or findings.get(Evaluation) is None:
        content: Sequence[Block] = [table_block(run.history.table)] if run.history.epochs else ()
    else:
        content = list(_run_blocks(run_subject(findings)))
    return View(run.name, "run", run.recipe.about, facts, content, _link(run.path))


@view_of.register
def _(findings: RunFindings) -> View:
    return view_of(findings.run)


@view_of.register
def _(study: StudyFindings) -> View:
    subject = Subject(tuple(Row(row, ()) for row in study.rows), study)
    caption = "Means over seeds, on test images."
    head = [("Model", ""), ("MSE", "per pixel"), ("PCA’s MSE", "same code size")]
    head += [("Epochs", ""), ("Training", "time")]
    best = min(study.rows, key=lambda row: row.comparison.mse) if len(study.rows) > 1 else None
    body = [_study_cells(row, row is best) for row in study.rows]
    failures = [f"{item.label}, seed {item.seed}: {item.message}" for item in study.failures]
    content: list[Block] = []
    if failures:
        content.append(Aside("warning", "Some runs are missing.", failures, listed=True))
    content += [charts.against_pca(subject), blocks.Table(caption, head, body)]
    return View(study.name, "study", study.members.about, (), content, _link(Path(study.folder)))


@view_of.register
def _(listing: Listing) -> View:
    rows = [{name: getattr(run, name) for name in _OF_RUNS} for run in listing]
    return View("Runs", "list", blocks=[table_block(Table.of_rows("runs", rows))])


@view_of.register
def _(result: Result) -> View:
    item = analysis(result.part)
    codes = list(item.scores(result))
    caption = " ".join(map(as_sentence, describe_method(item, result)))
    block = scores.codes_table(item, codes, caption) if codes else table_block(result.table)
    left_out = [Prose(sentences, small=True)] if (sentences := skip_sentences(item, result)) else []
    return View(item.title or item.name, "analysis", blocks=[block, *left_out])


@view_of.register
def _(diagnoses: Diagnoses) -> View:
    items = known(diagnoses)
    content: list[Block] = [alarm(item) for item in items[:1]]
    if items[1:]:
        content.append(following(items[1:]))
    if sentences := skips(diagnoses):
        content.append(Prose(sentences, small=True))
    return View("Doctor", "diagnoses", summarise("the model", diagnoses), (), content)


@view_of.register
def _(trial: Trial) -> View:
    head = [("", ""), ("current", ""), ("mended", "")]
    body = [_titled(row) for row in trial_rows(trial)]
    content = [blocks.Table(protocol(trial), head, body)]
    return View(options(trial.changes), "trial", verdict(trial), (), content)


@view_of.register
def _(evaluation: Evaluation) -> View:
    about = describe_verdict(evaluation.comparison)
    return View("Errors", "evaluation", about, (), [table_block(evaluation.table)])


@view_of.register
def _(table: Table) -> View:
    return View(table.title, "table", blocks=[table_block(table)])


@view_of.register
def _(history: History) -> View:
    return view_of(history.table)


@view_of.register
def _(dataset: Dataset) -> View:
    everything = np.arange(len(dataset))
    index = Split(dataset, everything, everything, everything).examples(_EXAMPLES)
    facts = [
        ("examples", f"{count(len(dataset))} of {shape(dataset.shape)}, {dataset.images.dtype}"),
        ("labels", _label_counts(dataset)),
        ("from", dataset.origin or "memory"),
    ]
    about = describe_range(dataset.value_range, dataset.range_reason)
    return View(dataset.name, "data", about, facts, _example_images(dataset, index))


@view_of.register
def _(summary: DataSummary) -> View:
    sentences = [describe_store(summary.kept), describe_duplicates(summary.duplicates)]
    sentences += describe_left_out(summary.left_out)
    if summary.tests_on_validation:
        sentences.append(describe_tests_on_validation(summary.name))
    about = describe_range(summary.value_range, summary.range_reason)
    facts = list(summary_rows(summary).items())
    return View(summary.name, "data", about, facts, [Prose(sentences)])


@view_of.register
def _(split: Split) -> View:
    facts = [(part, count(split.sizes[part])) for part in PARTS]
    content = _example_images(split.dataset, split.examples(_EXAMPLES, "train"))
    return View(split.dataset.name, "split", "", [*facts, ("seed", str(split.seed))], content)


@view_of.register
def _(recipe: Recipe) -> View:
    settings = recipe.model_dump(mode="json", exclude_none=True)
    named = [(name, _setting(settings, path)) for name, path in SHORT_NAMES.items()]
    facts = [(name, str(value)) for name, value in named if value not in (None, False)]
    origin = [("origin", recipe.origin)] if recipe.origin else []
    content = [Details("All settings", as_yaml(settings))]
    return View(recipe.name, "recipe", recipe.about, [*origin, *facts], content)


@view_of.register
def _(study: Study) -> View:
    facts = [("origin", study.origin)] if study.origin else []
    facts += [("configurations", count(study.combinations)), ("seeds", count(study.seeds))]
    content = [Details("All settings", as_yaml(study.model_dump(mode="json")))]
    return View(study.name, "study", study.about, facts, content)


@view_of.register
def _(sheet: Sheet) -> View:
    facts = [("file", str(sheet.picture))] if sheet.picture else []
    picture = sheet.png or sheet.animation
    if picture is None:
        return View(f"Examples of shape {shape(sheet.images.shape)}", "array", sheet.about, facts)
    return View("Picture", "", sheet.about, facts, picture=picture)


def table_block(table: Table) -> blocks.Table:
    """Set a table as reports do; of a long one the first and the last rows."""
    rows = list(table)
    if len(rows) > MAX_ROWS:
        half = MAX_ROWS // 2
        rows = [*rows[:half], {column.name: "…" for column in table.columns}, *rows[-half:]]
    head = [(column.name, column.unit) for column in table.columns]
    body = [_titled(map(written, row.values())) for row in rows]
    return blocks.Table(f"{count(len(table))} row{'s' * (len(table) != 1)}.", head, body)


def _titled(texts: Iterable[str]) -> list[Cell]:
    return [Cell(text, title=place == 0) for place, text in enumerate(texts)]


def _run_facts(run: Run) -> Iterator[tuple[str, str]]:
    recipe, data, history = run.recipe, run.data, run.history
    sizes, done = data.sizes, len(history.epochs)
    yield "recipe", recipe.name
    yield "data", f"{data.name}, {count(sizes.train)} to train and {count(sizes.test)} to test"
    took = f" in {duration(history.train_seconds)}" if done else ""
    state = "" if run.finished else ", not finished"
    yield "epochs", f"{count(done)} of {count(recipe.train.epochs)}{took}{state}"


def _run_blocks(subject: Subject) -> Iterator[Block]:
    """Show the pieces of a run's report that tell the most."""
    row = subject.rows[0]
    if (diagnoses := row.get(Diagnoses)) and (items := known(diagnoses)):
        yield alarm(items[0])
    asides = summary.warnings(subject)
    yield from (aside for aside in asides if not _is_note(aside))
    yield Prose([describe_verdict(row.facts.comparison)])
    if row.evaluation.takes_images:
        yield from reconstructions.compared(subject)
    if len(row.first.history.epochs) > 1:
        yield Gallery([learning.losses(subject, row)])
    yield from filter(_is_note, asides)


def _is_note(block: Block) -> bool:
    return isinstance(block, Aside) and block.look == "note"


def _study_cells(row: StudyRow, is_best: bool) -> list[Cell]:
    error, spread = row.comparison.mse, row.statistics.get("mse")
    sd = spread.sd if spread is not None else None
    return [
        Cell(row.label, title=True),
        Cell(number(error), is_best, f"± {number(sd, 2)}" if sd is not None else ""),
        Cell(number(row.comparison.pca_mse), note=OUTCOMES[row.comparison.outcome]),
        Cell(count(row.epochs)),
        Cell(duration(row.train_seconds.mean)),
    ]


def _label_counts(dataset: Dataset) -> str:
    if dataset.labels is None:
        return "none"
    counts = np.bincount(dataset.labels, minlength=len(dataset.label_names))
    pairs = [f"{n}: {count(int(c))}" for n, c in zip(dataset.label_names, counts, strict=True)]
    more = f", ... {len(pairs)} in all" if len(pairs) > _EXAMPLES else ""
    return ", ".join(pairs[:_EXAMPLES]) + more


def _example_images(dataset: Dataset, index: NDArray[np.int64]) -> list[Block]:
    """Show examples, with their labels above them; nothing of plain vectors."""
    if len(dataset.shape) != 3 or not len(index):
        return []
    low, high = dataset.value_range
    images = (dataset.images.take(index).astype(np.float32) - low) / np.float32(high - low)
    strips = []
    for start in range(0, len(index), _ACROSS):
        line, alt = slice(start, start + _ACROSS), f"Examples of {dataset.name}"
        names = [] if dataset.labels is None else _names(dataset, dataset.labels[index[line]])
        strips.append(replace(strip("", images[line], _ACROSS, _TILE, alt), columns=names))
    return [Plate("examples", "", "", [Panel("", strips)])]


def _names(dataset: Dataset, labels: NDArray[np.int64]) -> list[str]:
    """Name the labels of a line of pictures, which keeps its columns where it is shorter."""
    names = [dataset.label_names[label] for label in labels]
    return names + [""] * (_ACROSS - len(names))


def _setting(settings: object, path: str) -> object:
    for key in path.split("."):
        settings = settings.get(key) if isinstance(settings, dict) else None
    return settings


def _link(folder: Path) -> str:
    """Return the address of a report, if a notebook can open it: below its own folder."""
    place = link_to(folder, Path.cwd())
    return "" if place.startswith(os.pardir) else place
