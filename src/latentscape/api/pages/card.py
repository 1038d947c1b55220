"""The model card: what a run is, how it is used and what was measured, made of its findings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

import yaml
from jinja2 import Environment, StrictUndefined, Template

from latentscape.analyses.analysis import Result
from latentscape.analyses.notes import protocols
from latentscape.analyses.registry import AnyAnalysis, analyses
from latentscape.analyses.summaries import code_scores, run_subject
from latentscape.api.pages import denoising, learning, rate, reported, samples, scores, summary
from latentscape.api.pages.markdown import escaped, figures, markdown
from latentscape.api.pages.reconstructions import sections as reconstructions
from latentscape.config import LikelihoodKind
from latentscape.core import units
from latentscape.core.findings import Json
from latentscape.core.metrics import Metric
from latentscape.data import source_names
from latentscape.evaluation.latent_metrics import ELBO, LATENT_NUMBERS, RATE
from latentscape.evaluation.quantities import tabled_metrics
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.reporting.blocks import Aside, Block, Prose, Section
from latentscape.reporting.likelihoods import name_kind
from latentscape.reporting.sentences import describe_supervision
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import RunFindings
from latentscape.runs.facts import Environment as Machine
from latentscape.runs.wording import describe_average

DATASETS = {
    "mnist": "ylecun/mnist",
    "mnist-5k": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
}
"""What the hub calls the data that have a name here, or the data that they are taken from."""

MAX_LABELS = 20
"""Labels that are named."""


@dataclass(frozen=True)
class Card:
    """A model card.

    Attributes
    ----------
    text : str
        Markdown, with its metadata in front as YAML.
    figures : dict of str to bytes
        Name to content of the pictures that it links to, in ``figures/``.
    """

    text: str
    figures: dict[str, bytes]


def make_card(run: RunFindings, repository: str | None, licence: str | None) -> Card:
    """Make the card of a run.

    Parameters
    ----------
    run : RunFindings
        Nothing else is asked, so that nothing else can be claimed.
    repository : str or None
        ``USER/NAME`` on the hub, where it is known.
    licence : str or None
        As the hub calls it, such as ``mit``.
    """
    subject = run_subject(run)
    content, curves = _sections(subject), learning.section(subject)
    evaluation = run.require(Evaluation)
    metrics = [metric for metric in tabled_metrics() if evaluation.metric(metric) is not None]
    text = _template().render(
        metadata=yaml.safe_dump(_metadata(run, licence), sort_keys=False, allow_unicode=True),
        repository=repository,
        run=run,
        capabilities=run.recipe.model.latent,
        numbers=subject.rows[0].numbers,
        evaluation=evaluation,
        metrics=metrics,
        rising=[metric.name for metric in metrics if metric.higher_is_better],
        summary=_words(summary.section(subject)),
        sections=content,
        learning=curves,
        code_table=_code_table(subject.rows[0]),
        source=_source(run),
        labels=_labels(run.data.label_names),
        labels_used=describe_supervision(run.supervision),
        average=describe_average(run.recipe.train.average) if run.recipe.train.average else "",
        missing=_not_measured(run),
        versions=_versions(run.environment),
        units=units,
    )
    blocks = [block for section in (*content, curves) if section for block in section.blocks]
    return Card(text, dict(pair for block in blocks for pair in figures(block)))


@dataclass(frozen=True)
class CodeTable:
    """What codes are good for, as the lines of a table, and what is said of it."""

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    protocols: Sequence[str]
    words: Sequence[Block]


def _template() -> Template:
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"text": escaped, "markdown": markdown}
    file = resources.files("latentscape.api.pages").joinpath("card.md")
    return environment.from_string(file.read_text("utf-8"))


def _sections(subject: Subject) -> list[Section]:
    """Return the sections of a report that a card has as they are."""
    sections = [
        reported.section(subject),
        next(iter(reconstructions(subject))),
        samples.section(subject),
        denoising.section(subject),
        rate.section(subject),
        *(item.section(subject) for item in analyses() if item.card == "section"),
    ]
    return [section for section in sections if section is not None and section.blocks]


def _words(section: Section | None) -> list[Block]:
    """Return what a section says, without its tables and charts, which are made for wide pages."""
    blocks = section.blocks if section else ()
    return [block for block in blocks if isinstance(block, Aside | Prose)]


def _code_table(row: Row) -> CodeTable | None:
    """Compare codes in all that a card takes scores of; None where nothing was measured."""
    items = [item for item in analyses() if item.card != "nothing"]
    codes = [code for code in code_scores(row.first) if code.scores]
    if not codes:
        return None
    lines = [
        [metric.title, *(metric.write_statistic(code.statistics.get(metric.key)) for code in codes)]
        for item in items
        for metric in item.metrics
        if any(metric.key in code.scores for code in codes)
    ]
    names = [row.label if code.kind == "model" else code.name for code in codes]
    tabled = [item for item in items if item.card == "scores"]
    sentences = [protocols(item, [row], 2) for item in tabled]
    words = _words(scores.section(Subject((row,))))
    return CodeTable(names, lines, [text for text in sentences if text], words)


def _metadata(run: RunFindings, licence: str | None) -> Json:
    """Return what the hub reads of a card; see its specification of model cards."""
    model, dataset = run.recipe.model, DATASETS.get(_source(run))
    tasks = [task for task in _tasks(run) if task.numbers]
    conditional = ["conditional"] if model.condition else []
    tags = ["autoencoder", model.latent.tag, *conditional, "representation-learning"]
    metadata = {
        "library_name": "latentscape",
        "license": licence,
        "pipeline_tag": "image-feature-extraction" if run.data.takes_images else None,
        "tags": _distinct(tags),
        "datasets": [dataset] if dataset else None,
        "metrics": _distinct(_kind(metric) for task in tasks for metric in task.numbers),
        "model-index": [
            {
                "name": run.name,
                "results": [_result(run, task, dataset or run.data.name) for task in tasks],
            }
        ],
    }
    return {name: value for name, value in metadata.items() if value is not None}


@dataclass(frozen=True)
class Task:
    """What was measured of a model, as the hub sorts it.

    Attributes
    ----------
    kind : str
        What the hub calls the task.
    n : int or None
        Examples that the numbers are means over, where that is one number.
    numbers : dict of Metric to float
        Those that have a value.
    """

    kind: str
    n: int | None
    numbers: dict[Metric, float]


def _tasks(run: RunFindings) -> Iterator[Task]:
    evaluation, latent = run.require(Evaluation), run.get(Latent)
    errors = {metric: evaluation.metric(metric) for metric in tabled_metrics()}
    yield Task("reconstruction", evaluation.n, _known(errors))
    if latent and latent.likelihood:
        bound = {
            _of_kind(metric, latent.likelihood): LATENT_NUMBERS[metric](latent)
            for metric in (ELBO, RATE)
        }
        yield Task("compression", latent.n, _known(bound))
    for item in analyses():
        if item.card != "nothing" and (result := run.get(item.result)) is not None:
            n, numbers = item.n_scored(result), item.row_numbers(result)
            if (kind := item.likelihood_kind(result)) is not None:
                numbers = {_of_kind(metric, kind): value for metric, value in numbers.items()}
            if item.hub_task:
                yield Task(item.hub_task, n, _known(numbers))
            yield Task("representation-learning", n, _model_scores(item, result))


def _model_scores(item: AnyAnalysis, result: Result) -> dict[Metric, float]:
    scores = [code.scores for code in item.scores(result) if code.kind == "model"]
    return _known({metric: of.get(metric.key) for of in scores for metric in item.metrics})


def _of_kind(metric: Metric, kind: LikelihoodKind) -> Metric:
    """Say in the unit of a metric what kind of likelihood it comes of."""
    return replace(metric, unit=f"{metric.unit} ({name_kind(kind)})".lstrip())


def _known(numbers: Mapping[Metric, float | None]) -> dict[Metric, float]:
    return {metric: value for metric, value in numbers.items() if value is not None}


def _result(run: RunFindings, task: Task, dataset: str) -> Json:
    """Return what was measured by task, and on how many test examples."""
    examples = {"fingerprint": run.data.fingerprint, **({"examples": task.n} if task.n else {})}
    return {
        "task": {"type": task.kind},
        "dataset": {"type": dataset, "name": run.data.name, "split": "test", "args": examples},
        "metrics": [
            {"type": _kind(metric), "value": float(f"{value:.6g}"), "name": metric.title}
            for metric, value in task.numbers.items()
        ],
    }


def _kind(metric: Metric) -> str:
    """Return what the hub calls a metric. Accuracies are told apart by their names."""
    return "accuracy" if "accuracy" in metric.name else metric.key


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _source(run: RunFindings) -> str:
    """Return the name by which anyone can load the data as they are; empty where there is none."""
    data = run.recipe.data
    is_changed = any(s is not None for s in (data.labels, data.shape, data.range, data.resize))
    is_known = data.source in source_names() and run.data.origin and not is_changed
    return data.source if is_known else ""


def _labels(names: Sequence[str]) -> str:
    more = len(names) - MAX_LABELS
    rest = f" and {more} more (see data.json)" if more > 0 else ""
    return ", ".join(names[:MAX_LABELS]) + rest


def _versions(machine: Machine) -> list[str]:
    """Name the programs whose versions are known."""
    versions = {
        "Latentscape": machine.latentscape,
        "Python": machine.python,
        "PyTorch": machine.torch,
    }
    return [f"{program} {version}" for program, version in versions.items() if version]


def _not_measured(run: RunFindings) -> list[str]:
    """Name what a card has where it was measured, and was not."""
    items = (item for item in analyses() if item.card != "nothing" and item.applies_to(run.recipe))
    titles = [item.title or item.name for item in items if run.get(item.result) is None]
    return [title[:1].lower() + title[1:] for title in titles]
