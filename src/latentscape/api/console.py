"""Runs and studies on the terminal: errors, bounds, what codes are good for, reported numbers."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shlex import quote

from rich.markup import escape

from latentscape.analyses.codes import SENTENCE_ON_INTERVALS
from latentscape.analyses.metrics import find_metric, score_metrics
from latentscape.analyses.registry import analyses
from latentscape.analyses.summaries import code_scores
from latentscape.core import units
from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.table import print_cause
from latentscape.evaluation.against_pca import BaselineComparison
from latentscape.evaluation.latent_metrics import ACTIVE_UNITS, BITS_PER_DIM, ELBO
from latentscape.evaluation.quantities import tabled_metrics
from latentscape.evaluation.results import Latent
from latentscape.evaluation.search import BEST_RECIPE, Search
from latentscape.evaluation.study import Claim, CodeScores, CodeStatistics
from latentscape.reporting.duplicates import duplicates_of
from latentscape.reporting.likelihoods import (
    Group,
    by_kind,
    explain_group,
    explain_kind,
    name_kind,
)
from latentscape.reporting.search import describe_best, describe_importance, describe_search
from latentscape.reporting.sentences import (
    as_sentence,
    describe_left_out,
    describe_range,
    describe_supervision,
    describe_terms,
    describe_tests_on_validation,
    describe_verdict,
)
from latentscape.reporting.subject import Row, Subject
from latentscape.runs.wording import (
    describe_collapse,
    describe_event,
    describe_fitting,
    describe_fittings,
    describe_lineage,
)
from latentscape.terminal.layout import (
    PrintedColumn,
    align_right,
    marked,
    metric_column,
    print_columns,
    print_line,
    show,
    table,
)

SCORES_TITLE = "What the code is good for"


def print_subject(subject: Subject) -> None:
    """Print a run or a study."""
    if subject.study is None:
        print_run(subject.rows[0])
    else:
        print_study(subject)


def print_run(row: Row) -> None:
    """Print how a run did on the test examples, beside its baselines."""
    run, evaluation = row.first, row.evaluation
    columns = [
        metric_column(metric, [metric.write(values.get(metric.key)) for values in baselines])
        for baselines in [(evaluation.metrics, evaluation.pca.metrics, evaluation.mean_image)]
        for metric in tabled_metrics()
    ]
    labels = [_marked(row), f"PCA, {evaluation.pca.dim} components", "mean image"]
    print_columns(f"{run.name}: {evaluation.n:,} test examples", labels, columns)
    print_line(describe_verdict(row.facts.comparison))
    if row.latent:
        _print_latent(row.latent, row.facts.latent_dim)
    for item in analyses():
        if item.printed_with_run and (result := run.get(item.result)) is not None:
            item.print_table(result)
    _print_scores(row)
    _print_claims(row)
    if row.supervised:
        print_line(describe_supervision(row.facts.supervision), "cyan")
    _print_data([row])
    _print_duplicates([row])
    if fitting := describe_fitting(run.recipe):
        print_line(fitting, "dim")
    for sentence in describe_lineage(run.start, run.extensions):
        print_line(sentence, "dim")
    if (diagnoses := run.get(Diagnoses)) is not None:
        print_cause(run.run.path, diagnoses)
    for event in run.events:
        if event.kind != "collapse" or row.latent is None:  # It is told in full above.
            print_line(f"Epoch {event.epoch}: {describe_event(event)}", "yellow")


def print_study(subject: Subject) -> None:
    """Print a study's rows, each beside PCA with as many numbers."""
    rows, study = subject.rows, subject.study
    assert study is not None
    seeds = len(study.members.seeds)
    title = f"{study.name}: test examples, {seeds} seed{'s' if seeds > 1 else ''}"
    print_columns(title, [_marked(row) for row in rows], list(_study_columns(rows)))
    _print_bounds(rows)
    for row in rows:
        if terms := describe_terms(row.facts.comparison):
            print_line(f"* {row.label}: {terms}", "dim")
        if row.supervised:
            sentence = describe_supervision(row.facts.supervision)
            print_line(f"(labels) {row.label}: {sentence}", "cyan")
        facts = row.facts
        if facts.collapse:
            sentence = describe_collapse(facts.collapse, facts.latent_dim, facts.collapsed_seeds)
            print_line(f"(collapsed) {row.label}: {sentence}", "red")
    _print_data(rows)
    _print_duplicates(rows)
    if fitting := describe_fittings(row.first.recipe for row in rows):
        print_line(fitting, "dim")
    _print_score_rows(subject)
    for item in analyses():
        item.print_rows(subject)
    _print_claim_rows(rows)
    if study.members.search is not None:
        _print_search(study.members.search, Path(study.folder))
    for failure in study.failures:
        print_line(
            f"{failure.label}, seed {failure.seed}, was not trained: {failure.message}", "red"
        )


def _print_search(search: Search, folder: Path) -> None:
    """Say what a search has tried, and where the best recipe stands."""
    for sentence in (describe_search, describe_best, describe_importance):
        if text := sentence(search):
            print_line(text)
    print_line(f"Train it with: latentscape train {quote(str(folder / BEST_RECIPE))}")


def _print_data(rows: Sequence[Row]) -> None:
    """Say which values stand for 0 and 1, and what of the data is not used, each once."""
    for sentence in dict.fromkeys(describe_range(r.data.range, r.data.range_reason) for r in rows):
        print_line(sentence)
    for name in dict.fromkeys(r.data.name for r in rows if r.data.tests_on_validation):
        print_line(describe_tests_on_validation(name), "yellow")
    for sentence in describe_left_out(dict.fromkeys(e for r in rows for e in r.data.left_out)):
        print_line(sentence, "yellow")


def _print_duplicates(rows: Sequence[Row]) -> None:
    """Warn of test examples that are also training examples, once for each split."""
    for sentence in duplicates_of(rows, only_if_any=True):
        print_line(sentence, "yellow")


def _marked(row: Row) -> str:
    return marked(row.label, row.supervised, row.facts.collapse is not None)


def _print_latent(latent: Latent, latent_dim: int) -> None:
    """Print what codes cost and how they are used, or how far plain ones are from N(0, I)."""
    if latent.likelihood is None:
        distances = f"mismatch {units.number(latent.mismatch)} nats, MMD {units.number(latent.mmd)}"
        print_line(f"Codes beside N(0, I), to which training draws them: {distances}")
        return
    elbo, distortion, rate = map(units.number, (latent.elbo, latent.distortion, latent.rate))
    minus = "\N{MINUS SIGN}"
    error = "" if latent.elbo_se is None else f" ± {units.number(latent.elbo_se, 2)}"
    print_line(
        f"ELBO {elbo}{error} nats per image = {minus}(distortion {distortion} + rate {rate})"
    )
    print_line(" ".join(_explanation(latent)), "dim", indent=2)
    print_line(_use(latent))
    if latent.collapse:
        print_line(describe_collapse(latent.collapse, latent_dim), "bold red")


def _explanation(latent: Latent) -> Iterator[str]:
    """Say what the bound is of, and how sure it is."""
    if latent.likelihood is not None:
        yield explain_kind(latent.likelihood)
    if latent.elbo_se is not None:
        yield f"±: Monte Carlo standard error of {latent.samples} codes for each image."
    if latent.bits_per_dim is not None:
        by = ", by dequantisation" if latent.is_dequantised else ""
        yield f"At most {units.number(latent.bits_per_dim)} bits per dimension{by}."


def _use(latent: Latent) -> str:
    if latent.codes is not None:
        used = units.out_of(latent.codes_used, latent.codes)
        return f"{used} codes used, perplexity {units.number(latent.perplexity)}"
    inactive, whole = latent.inactive, len(latent.active or ())
    text = f"{units.out_of(latent.active_units, whole)} dimensions active"
    if 0 < len(inactive) <= min(units.FEW, whole - 1):
        text += f", {units.dimensions(inactive)} inactive"
    return text


def _print_scores(row: Row) -> None:
    """Print what the code of a run is good for, its baselines beside it; nothing without scores."""
    codes = code_scores(row.first)
    # Metrics below each other: a narrow terminal has room for three codes, not for twelve metrics.
    grid = table("", *(escape(_code_name(row, code)) for code in codes), title=SCORES_TITLE)
    for item in analyses():
        for metric in item.metrics:
            if any(metric.key in code.scores for code in codes):
                unit = f"[dim], {metric.unit}[/]" if metric.unit else ""
                grid.add_row(f"{metric.name}{unit}", *_cells(metric, codes, item.ceilings))
    if grid.row_count:
        align_right(grid, *range(1, 1 + len(codes)))
        for column in grid.columns:
            column.overflow = "fold"
        show(grid)
        _print_intervals(s for code in codes for s in code.statistics.values())


def _print_intervals(statistics: Iterable[Statistic | None]) -> None:
    """Say what stands in brackets, where any number is a share of examples."""
    if any(statistic and statistic.trials for statistic in statistics):
        print_line(as_sentence(SENTENCE_ON_INTERVALS), "dim", indent=2)


def _code_name(row: Row, code: CodeScores) -> str:
    return row.label if code.kind == "model" else code.name


def _cells(metric: Metric, codes: Sequence[CodeScores], ceilings: Sequence[str]) -> Iterator[str]:
    """Write a metric of all codes, the best of those that compete in bold."""
    compared = [code for code in codes if code.kind not in ceilings]
    numbers = [code.scores[metric.key] for code in compared if metric.key in code.scores]
    choose = max if metric.higher_is_better else min
    best = metric.write(choose(numbers)) if len(numbers) > 1 else ""
    for code in codes:
        statistic = code.statistics.get(metric.key)
        is_best = statistic is not None and metric.write(statistic.mean) == best
        text = metric.write_statistic(statistic).replace(" (", "\n(")
        yield f"[bold]{text}[/]" if is_best and code in compared else text


def _print_score_rows(subject: Subject) -> None:
    """Print what the codes of a study are good for, with baselines below them."""
    assert subject.study is not None
    codes: list[Row | CodeStatistics] = [*subject.rows, *subject.study.baselines]
    columns = [
        metric_column(metric, [metric.write_statistic(code.statistic(metric)) for code in codes])
        for metric in score_metrics()
        if any(code.statistic(metric) for code in codes)
    ]
    if columns:
        labels = [marked(row.label, row.supervised, False) for row in subject.rows]
        labels += [f"[dim]{escape(code.name)}[/]" for code in subject.study.baselines]
        print_columns(SCORES_TITLE, labels, columns)
        _print_intervals(code.statistic(metric) for code in codes for metric in score_metrics())


def _study_columns(rows: Sequence[Row]) -> Iterator[PrintedColumn]:
    for metric in tabled_metrics():
        yield metric_column(metric, [metric.write_statistic(row.statistic(metric)) for row in rows])
    pca = [units.number(row.facts.comparison.pca_mse) for row in rows]
    beats = [_beats(row.facts.comparison) for row in rows]
    seconds = [units.duration(row.facts.train_seconds.mean) for row in rows]
    yield PrintedColumn("PCA's MSE", "", pca, 2)
    yield PrintedColumn("beats it", "", beats)
    yield PrintedColumn("training", "", seconds, 1)


def _beats(comparison: BaselineComparison) -> str:
    """Say whether a model beats PCA, with a star where the two are not like for like."""
    outcomes = {"wins": "[green]yes", "loses": "[red]no", "undecided": "[yellow]undecided"}
    return outcomes[comparison.outcome] + "*" * (not comparison.is_like_for_like)


def _print_bounds(rows: Sequence[Row]) -> None:
    """Print what only models with a prior have, in a table for each kind of likelihood."""
    summaries = (metric for item in analyses() for metric in item.summary_metrics)
    metrics = [ELBO, BITS_PER_DIM, ACTIVE_UNITS, *summaries]
    for group in by_kind(rows, metrics, lambda row, metric: row.mean(metric) is not None):
        title = "Bounds" if group.kind is None else f"Bounds: {name_kind(group.kind)}"
        columns = [
            metric_column(metric, [_bound_text(group, row, metric) for row in group.rows])
            for metric in group.metrics
        ]
        print_columns(title, [_marked(row) for row in group.rows], columns)
        for sentence in explain_group(group):
            print_line(sentence, "dim")


def _bound_text(group: Group, row: Row, metric: Metric) -> str:
    if not group.holds(row, metric):
        return units.NONE
    if metric is ACTIVE_UNITS:
        return units.out_of(row.mean(metric), row.facts.latent_dim)
    return metric.write_statistic(row.statistic(metric))


def _print_claims(row: Row) -> None:
    for claim in _obtained(row):
        metric = find_metric(claim.metric)
        name = f"{metric.name} {metric.unit}".rstrip()
        print_line(
            f"{name}: obtained {metric.write(claim.obtained)} on {row.data.name}; "
            f"reported {metric.write(claim.reported)} ({row.first.recipe.protocol})"
        )


def _print_claim_rows(rows: Sequence[Row]) -> None:
    title = "Reported by the reference projects"
    grid = table("", "metric", "reported", "obtained", title=title)
    for row in rows:
        for claim in _obtained(row):
            metric = find_metric(claim.metric)
            name = f"{metric.name} {metric.unit}".rstrip()
            obtained = metric.write_statistic(row.statistic(metric))
            grid.add_row(escape(row.label), name, metric.write(claim.reported), obtained)
    if grid.row_count:
        align_right(grid, 2, 3)
        show(grid)


def _obtained(row: Row) -> list[Claim]:
    return [claim for claim in row.facts.claims if claim.obtained is not None]
