"""How a model was made, in facts that may be sent to anybody: no folder is among them."""

import re
from collections.abc import Iterable, Iterator, Sequence

import yaml

from latentscape.analyses.analysis import Result
from latentscape.analyses.notes import describe_method
from latentscape.analyses.registry import AnyAnalysis, analyses
from latentscape.core.units import count, duration, joined, number, shape
from latentscape.evaluation.latent_metrics import LATENT_NUMBERS, ROW_METRICS
from latentscape.evaluation.quantities import tabled_metrics
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.explorer.contents import Fact
from latentscape.exports.metadata import public_recipe
from latentscape.reporting.sentences import (
    as_sentence,
    describe_range,
    describe_supervision,
    describe_verdict,
)
from latentscape.runs import RunFindings

_FOLDERS = re.compile(r"(?:[A-Za-z]:)?[^\s=,'\"]*[/\\](?=[^\s/\\]*)")
"""The folders of a path, which stands between spaces, quotes, or behind a sign of equality."""


def describe_runs(runs: Sequence[tuple[str, RunFindings]]) -> tuple[Fact, ...]:
    """Say how models were made: first what is true of all, then of each.

    Parameters
    ----------
    runs : sequence of (str, RunFindings)
        Labels of the models and their runs.
    """
    of_each = [(label, dict(_facts(run))) for label, run in runs]
    names = dict.fromkeys(name for _, facts in of_each for name in facts)
    return tuple(fact for name in names for fact in _named(name, of_each))


def recipe_text(run: RunFindings) -> str:
    """Write the recipe of a run as YAML, as everybody may see it."""
    public = public_recipe(run.recipe, run.data.name)
    content = public.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def without_folders(command: str) -> str:
    """Return a command line in which nothing but the names of files is left of paths."""
    return _FOLDERS.sub("", command)


def _named(name: str, of_each: Sequence[tuple[str, dict[str, str]]]) -> Iterator[Fact]:
    """Yield a fact once where it is the same of all models, otherwise for each."""
    values = {facts.get(name) for _, facts in of_each}
    if len(values) == 1:
        yield Fact(name=name, value=of_each[0][1][name])
        return
    for label, facts in of_each:
        if name in facts:
            yield Fact(name=f"{name}, {label}", value=facts[name])


def _facts(run: RunFindings) -> Iterator[tuple[str, str]]:
    yield "Recipe", run.recipe.name
    yield from _data(run)
    yield from _training(run)
    yield from _errors(run)
    for item in analyses():
        if (result := run.get(item.result)) is not None:
            yield from _scores(item, result)
    yield from _circumstances(run)


def _data(run: RunFindings) -> Iterator[tuple[str, str]]:
    data = run.data
    yield "Data", f"{data.name} ({shape(list(data.shape))}), fingerprint {data.fingerprint[:12]}"
    yield "Values", describe_range(data.range, data.range_reason)
    sizes = data.sizes
    yield (
        "Split",
        f"{count(sizes.train)} examples to train on, {count(sizes.validation)} to watch the "
        f"training, {count(sizes.test)} to test on; seed {data.seed}",
    )


def _training(run: RunFindings) -> Iterator[tuple[str, str]]:
    history, machine, model = run.history, run.environment, run.architecture
    yield (
        "Model",
        f"{count(model.parameters)} parameters, codes of {count(model.latent_dim)} numbers",
    )
    where = joined([text for text in (machine.device, machine.processor) if text])
    epochs = len(history.epochs)
    training = f"{count(epochs)} epoch{'s' if epochs != 1 else ''}"
    training += f" in {duration(history.train_seconds)}{f' on {where}' if where else ''}"
    yield "Training", f"{training}; seed {run.recipe.train.seed}"
    yield "Labels", describe_supervision(run.supervision)


def _errors(run: RunFindings) -> Iterator[tuple[str, str]]:
    evaluation, latent = run.get(Evaluation), run.get(Latent)
    if evaluation is not None:
        values = [(metric, evaluation.metric(metric)) for metric in tabled_metrics()]
        known = [f"{metric.title} {metric.write(value)}" for metric, value in values if value]
        yield "Test errors", f"{'; '.join(known)} (means over {count(evaluation.n)} test examples)"
        yield "Against PCA", describe_verdict(evaluation.comparison)
    if latent is not None:
        nats = [(metric, LATENT_NUMBERS[metric](latent)) for metric in ROW_METRICS]
        known = [f"{m.title} {m.write(value)}" for m, value in nats if value is not None]
        yield "Code", f"{'; '.join(known)} (over {count(latent.n)} test examples)"


def _scores(item: AnyAnalysis, result: Result) -> Iterator[tuple[str, str]]:
    """Yield what an analysis found the code of the model to be good for, and how."""
    own = next((scores for scores in item.scores(result) if scores.kind == "model"), None)
    if own is None or not own.scores:
        return
    known = [
        f"{metric.title} {metric.write_statistic(own.statistics[metric.key])}"
        for metric in item.metrics
        if metric.key in own.statistics
    ]
    yield item.title, _paragraph(["; ".join(known), *describe_method(item, result)[:2]])


def _circumstances(run: RunFindings) -> Iterator[tuple[str, str]]:
    machine = run.environment
    versions = {
        "Latentscape": machine.latentscape,
        "PyTorch": machine.torch,
        "Python": machine.python,
    }
    facts = {
        "Command": without_folders(machine.command),
        "Versions": ", ".join(f"{name} {text}" for name, text in versions.items() if text),
        "Started": machine.started[:10],
        "Cores": "" if machine.cores is None else number(machine.cores, 1),
    }
    yield from ((name, text) for name, text in facts.items() if text)


def _paragraph(sentences: Iterable[str]) -> str:
    return " ".join(as_sentence(sentence) for sentence in sentences if sentence)
