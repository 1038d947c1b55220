"""Runs that differ in their seeds, put into the rows of a study."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from latentscape.analyses.analysis import Result
from latentscape.analyses.claims import make_claims
from latentscape.analyses.registry import AnyAnalysis, analyses
from latentscape.config import LikelihoodKind
from latentscape.core.findings import Statistic
from latentscape.evaluation.against_pca import BaselineComparison, Difference
from latentscape.evaluation.latent_metrics import LATENT_NUMBERS, ROW_METRICS, latent_kinds
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.evaluation.study import CodeScores, CodeStatistics, StudyRow
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import RunFindings

_KINDS = ("model", "pixels", "pca", "other", "guess")


def run_subject(run: RunFindings) -> Subject:
    """Make a single run the subject of a report."""
    return Subject((Row(summarise(run.label, [run]), (run,)),))


def summarise(label: str, runs: Sequence[RunFindings]) -> StudyRow:
    """Put the seeds of one configuration into a row.

    Parameters
    ----------
    label : str
        What the configuration is called.
    runs : sequence of RunFindings
        Its runs, one at least.
    """
    first = runs[0]
    statistics = _statistics(runs)
    validation = (run.history.validation_mse(run.recipe) for run in runs)
    collapses = [collapse for run in runs if (collapse := _collapse(run))]
    train_seconds = Statistic.of(run.history.train_seconds for run in runs)
    assert train_seconds is not None
    return StudyRow(
        label=label,
        recipe=first.recipe.name,
        runs=tuple(run.name for run in runs),
        parameters=first.architecture.parameters,
        latent_dim=first.architecture.latent_dim,
        epochs=max(len(run.history.epochs) for run in runs),
        sizes=first.data.sizes,
        statistics=statistics,
        likelihoods=_likelihoods(runs),
        comparison=_comparison(runs, statistics),
        train_seconds=train_seconds,
        validation_mse=Statistic.of(validation),
        collapse=next(iter(collapses), None),
        n_collapsed=len(collapses),
        supervision=first.supervision,
        claims=make_claims(runs, {key: s.mean for key, s in statistics.items()}),
    )


def rank(row: StudyRow) -> float:
    """Order rows by error on validation examples, because test examples choose nothing."""
    return float("inf") if row.validation_mse is None else row.validation_mse.mean


def same_settings(
    item: AnyAnalysis, runs: Sequence[RunFindings]
) -> tuple[tuple[RunFindings, Result], ...]:
    """Return the runs with their results of an analysis; none where seeds differ in settings."""
    results = [(run, result) for run in runs if (result := run.get(item.result)) is not None]
    alike = len({result.settings.model_dump_json() for _, result in results}) == 1
    complete = item.first_seed_only or len(results) == len(runs)
    return tuple(results) if alike and complete else ()


def code_scores(run: RunFindings) -> list[CodeScores]:
    """Return what all codes that a run was compared with are good for, the run's model first."""
    return _merged(
        scores
        for item in analyses()
        if (result := run.get(item.result)) is not None
        for scores in item.scores(result)
    )


def baseline_statistics(groups: Iterable[Sequence[RunFindings]]) -> tuple[CodeStatistics, ...]:
    """Return the codes that models of a study are compared with, each of them once.

    Parameters
    ----------
    groups : iterable of sequences of RunFindings
        For every configuration its runs, which differ in the seed.

    Returns
    -------
    tuple of CodeStatistics
        Statistics are over the seeds of the first configuration that has the code. Where data
        differ, the name tells which.
    """
    codes: dict[tuple[str, str], CodeStatistics] = {}
    for runs in groups:
        for code in _over_seeds(runs):
            codes.setdefault((code.name, code.data), code)
    names = [name for name, _ in codes]
    renamed = [
        code.model_copy(update={"name": f"{name} ({data})"}) if names.count(name) > 1 else code
        for (name, data), code in codes.items()
    ]
    return tuple(sorted(renamed, key=_order))


def _statistics(runs: Sequence[RunFindings]) -> dict[str, Statistic]:
    """Summarise whatever was measured of the seeds, by the key of the metric."""
    columns: dict[str, list[Statistic | float | None]] = {}
    for run in runs:
        for key, value in run.require(Evaluation).metrics.items():
            columns.setdefault(key, []).append(value)
        if latent := run.get(Latent):
            for metric in ROW_METRICS:
                columns.setdefault(metric.key, []).append(LATENT_NUMBERS[metric](latent))
    for item in analyses():
        for _, result in same_settings(item, runs):
            for key, number in _model_numbers(item, result).items():
                columns.setdefault(key, []).append(number)
    statistics = {key: _joint(values) for key, values in columns.items()}
    return {key: statistic for key, statistic in statistics.items() if statistic is not None}


def _likelihoods(runs: Sequence[RunFindings]) -> dict[str, LikelihoodKind]:
    """Return the kinds of likelihoods of the first run, as all seeds have them."""
    latent = runs[0].get(Latent)
    kinds = {} if latent is None else {m.key: kind for m, kind in latent_kinds(latent).items()}
    for item in analyses():
        for _, result in same_settings(item, runs)[:1]:
            if (kind := item.likelihood_kind(result)) is not None:
                kinds |= {metric.key: kind for metric in item.row_metrics}
    return kinds


def _model_numbers(item: AnyAnalysis, result: Result) -> Mapping[str, Statistic | float | None]:
    numbers: dict[str, Statistic | float | None] = {
        metric.key: value for metric, value in item.row_numbers(result).items()
    }
    for code in item.scores(result):
        if code.kind == "model":
            numbers |= code.statistics
    return numbers


def _comparison(
    runs: Sequence[RunFindings], statistics: Mapping[str, Statistic]
) -> BaselineComparison:
    model, evaluations = runs[0].recipe.model, [run.require(Evaluation) for run in runs]
    differences = [item.difference for item in evaluations if item.difference is not None]
    is_complete = len(differences) == len(runs)
    return evaluations[0].comparison.model_copy(
        update={
            "mse": statistics["mse"].mean,
            "difference": Difference.over_seeds(differences) if is_complete else None,
            "sees_labels": bool(model.condition),
            "codebook_size": model.latent.codebook_size if model.latent.quantises else None,
        }
    )


def _collapse(run: RunFindings) -> str | None:
    latent = run.get(Latent)
    if latent is not None:
        return latent.collapse
    return next((event.collapse for event in run.events if event.collapse), None)


def _over_seeds(runs: Sequence[RunFindings]) -> Iterator[CodeStatistics]:
    """Average the codes that are not the model's over runs."""
    seeds: dict[str, list[CodeScores]] = {}
    for run in runs:
        for code in _comparable_scores(run, runs):
            if code.kind != "model" and code.scores:
                seeds.setdefault(code.name, []).append(code)
    for name, codes in seeds.items():
        keys = dict.fromkeys(key for code in codes for key in code.scores)
        statistics = {key: _once([code.statistics.get(key) for code in codes]) for key in keys}
        yield CodeStatistics(
            name=name,
            kind=codes[0].kind,
            data=runs[0].data.split_name,
            statistics={key: s for key, s in statistics.items() if s is not None},
        )


def _comparable_scores(run: RunFindings, runs: Sequence[RunFindings]) -> list[CodeScores]:
    """Return the scores of a run, without those measured in other ways for other seeds."""
    return _merged(
        scores
        for item in analyses()
        for other, result in same_settings(item, runs)
        if other is run
        for scores in item.scores(result)
    )


def _merged(scores: Iterable[CodeScores]) -> list[CodeScores]:
    """Join what several analyses say of the same code."""
    codes: dict[str, CodeScores] = {}
    for code in scores:
        key = code.kind if code.kind == "model" else code.name
        before = codes.setdefault(key, code)
        codes[key] = before.model_copy(
            update={
                "scores": before.scores | code.scores,
                "spread": before.spread | code.spread,
            }
        )
    return sorted(codes.values(), key=_order)


def _joint(values: Sequence[Statistic | float | None]) -> Statistic | None:
    """Summarise over seeds; of a single seed, what it was measured with several times stays."""
    statistics = [
        value if isinstance(value, Statistic) else Statistic(mean=value)
        for value in values
        if value is not None
    ]
    if len(statistics) < 2:
        return next(iter(statistics), None)
    return Statistic.of([statistic.mean for statistic in statistics], statistics[0].trials)


def _once(values: Sequence[Statistic | None]) -> Statistic | None:
    """Summarise over runs; what is the same in all of them was measured once."""
    return _joint(values[:1] if len(set(values)) == 1 else values)


def _order(code: CodeScores | CodeStatistics) -> tuple[int, int, str]:
    """Order models before pixels before PCA, and there fewer components before more."""
    name = code.name if code.kind == "pca" else ""
    return _KINDS.index(code.kind), len(name), name
