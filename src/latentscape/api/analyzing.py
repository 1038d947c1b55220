"""Analyses of runs, studies and codes: what `analyze` does, and a function for each analysis."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TypeAlias

from latentscape.analyses.analysis import Inputs, Result, Settings
from latentscape.analyses.comparison import (
    Baselines,
    CodeSource,
    Comparison,
    as_comparison,
    compare_codes,
)
from latentscape.analyses.registry import AnyAnalysis, choose_analyses
from latentscape.api.members import folder_of, read_members, study_runs
from latentscape.api.subjects import report, write_study
from latentscape.api.workers import MEMORY
from latentscape.config import Placement
from latentscape.core.errors import ConfigError
from latentscape.core.findings import Skip
from latentscape.core.memory import available_memory
from latentscape.core.progress import steps
from latentscape.core.runtime import choose_device, count_threads, limited_threads, one_thread
from latentscape.evaluation.study import StudyFindings
from latentscape.parallel.calls import Call, call_together
from latentscape.parallel.connection import connected
from latentscape.parallel.tasks import call_on_cluster
from latentscape.runs import OpenRun, Run, RunFindings, open_run, owning, save_parts
from latentscape.terminal import shown

MIN_SECONDS = 15.0
"""Of analyses that are worth processes of their own; a quick look takes a fifth of the time."""

MAX_SERIAL_VALUES = 1 << 23
"""Values of examples up to which an analysis takes one thread: 10,699 images of 28 by 28."""

_HERE = Placement()

_Job: TypeAlias = tuple[Run, AnyAnalysis]


def analyze(
    run_or_study: str | Path | Run,
    *,
    codes: Mapping[str, CodeSource] | None = None,
    parts: Sequence[str] = (),
    data: object = None,
    device: str = "auto",
    quick: bool = False,
    on: str = "local",
    jobs: int | None = 1,
    gpus_per_worker: float = 0.0,
    quiet: bool = False,
) -> RunFindings | StudyFindings:
    """Look at what a run or all runs of a study learned in every way, and write the report.

    Parameters
    ----------
    run_or_study : str, Path or Run
        A directory that `train` or `compare` has made.
    codes : mapping, optional
        Name to codes that were made elsewhere, to stand in the same tables; see `compare_codes`.
    parts : sequence of str
        Names of analyses; by default all that take no more than minutes.
    data : str, Path or data in memory, optional
        The data that runs were trained on, where they were in memory or have moved.
    device : str
        As for `train`.
    quick : bool
        Whether a first look of some seconds is enough. What it leaves out stands in the report.
        Results that are there, of whatever settings, stay as they are.
    on : str
        Where analyses are made: ``local``; ``ray``, a Ray cluster whose nodes all see the run and
        its data; or ``ray://HOST:PORT``, one elsewhere.
    jobs : int or None
        How many analyses are made at once, each in a process of its own. None takes as many as
        there are cores, and memory for, where it saves time. A script that asks for more than one
        has to keep what it does under ``if __name__ == "__main__":``, as `multiprocessing` says. On
        a cluster None does as many at once as there is room for.
    gpus_per_worker : float
        GPUs that each analysis asks for on a cluster; 0.25 lets four share one.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    RunFindings or StudyFindings
        Those of the run or the study.

    Raises
    ------
    ConfigError, DataError, RunError
        If codes do not fit the data, the data have changed, or a run is not finished.
    """
    path, analyses = folder_of(run_or_study), choose_analyses(parts)
    placement = Placement.of(on, jobs=jobs, gpus_per_worker=gpus_per_worker)
    members = read_members(path)
    groups = [[open_run(path)]] if members is None else study_runs(path, members)
    # Of a run, each part is written as soon as it is measured; only then the run is owned.
    with shown(quiet), nullcontext() if members is None else owning(path, "analysed"):
        analyze_runs(
            groups,
            analyses,
            codes=codes or {},
            data=data,
            device=device,
            again=not quick or bool(codes),
            quick=quick,
            placement=placement,
        )
        if members is not None:
            return write_study(path, members)
        report(path)
        return RunFindings(open_run(path))


def analyze_runs(
    groups: Sequence[Sequence[Run]],
    analyses: Sequence[AnyAnalysis],
    *,
    codes: Mapping[str, CodeSource] | None = None,
    data: object = None,
    device: str = "auto",
    again: bool = False,
    quick: bool = False,
    placement: Placement = _HERE,
) -> None:
    """Analyse all runs, and keep the results with them.

    Parameters
    ----------
    groups : sequence of sequences of Run
        Runs that differ in the seed. Of what has no mean over seeds the first alone is analysed.
    analyses : sequence of Analysis
        Which analyses.
    codes, data, device
        As for `analyze`.
    again : bool
        Whether results that are there are made anew.
    quick
        As for `analyze`.
    placement : Placement
        Where analyses are made, and how many at once.
    """
    findings = {run.path: RunFindings(run) for runs in groups for run in runs}
    work = _plan(groups, [item for item in analyses if item.quick_look or not quick], findings)
    if not again:
        work = [
            (run, item) for run, item in work if _is_missing(item, findings[run.path], quick=quick)
        ]
    analyse = partial(
        _analyze, n_runs=len(findings), codes=codes or {}, data=data, device=device, quick=quick
    )
    of_each = {item.name: [job for job in work if job[1] is item] for _, item in work}
    calls = [Call(name, partial(analyse, w), _seconds(w)) for name, w in of_each.items()]
    calls.sort(key=lambda call: -call.share)  # The longest first.
    # No other process has objects of this one.
    objects = any(found.recipe.model.needs_objects for found in findings.values())
    if placement.kind == "ray" and calls and not objects:
        _analyze_on_cluster(calls, placement, [run for run, _ in work])
        return
    jobs = placement.jobs or _choose_jobs(work, findings, device, quick)
    if objects or min(jobs, len(calls)) < 2:
        analyse(work)
        return
    # As many threads as here: the last bits of some results depend on their number.
    total = sum(call.share for call in calls)
    threads = count_threads()
    for _, future in call_together("analysis", calls, jobs, threads, count=len(calls), total=total):
        future.result()


def _analyze_on_cluster(calls: Sequence[Call], placement: Placement, runs: Sequence[Run]) -> None:
    """Make analyses as tasks of a Ray cluster, whose nodes see the runs."""
    with connected(placement) as cluster:
        for folder in {run.path for run in runs}:
            cluster.check(folder)
        share = cluster.share(placement.jobs)
        total = sum(call.share for call in calls)
        where = cluster, share, placement.jobs
        for _, future in call_on_cluster("analysis", calls, *where, count=len(calls), total=total):
            future.result()


def _is_missing(item: AnyAnalysis, findings: RunFindings, *, quick: bool) -> bool:
    """Whether an analysis has no result that stands for it; a quick look replaces none."""
    result = findings.get(item.result)
    return result is None or not (quick or item.is_current(result))


def _plan(
    groups: Sequence[Sequence[Run]],
    analyses: Sequence[AnyAnalysis],
    findings: Mapping[Path, RunFindings],
) -> list[_Job]:
    """Return which analyses are made of which runs."""
    jobs = [
        (run, item)
        for runs in groups
        for number, run in enumerate(runs)
        for item in analyses
        if number == 0 or not item.first_seed_only
    ]
    applicable = [(run, item) for run, item in jobs if item.applies_to(findings[run.path].recipe)]
    # What applies to no run at all is tried, so that it says why.
    possible = {item.name for _, item in applicable}
    return applicable + [(run, item) for run, item in jobs if item.name not in possible]


def _analyze(
    work: Sequence[_Job],
    n_runs: int,
    codes: Mapping[str, CodeSource],
    data: object,
    device: str,
    quick: bool,
) -> None:
    shared = dict[str, Baselines]()
    comparison: Comparison | None = None
    for run, item in _each(work, n_runs):
        if comparison is None or comparison.opened is None or comparison.opened.run is not run:
            comparison = _compare_run(OpenRun(run, data=data, device=device), codes, shared)
        if quick:
            _look_quickly(item, comparison)
        else:
            measure(item, comparison)


def _choose_jobs(
    work: Sequence[_Job], findings: Mapping[Path, RunFindings], device: str, quick: bool
) -> int:
    """Choose how many processes: each takes some seconds to start, and memory for the data."""
    if choose_device(device).type != "cpu" or _seconds(work) < MIN_SECONDS * (5 if quick else 1):
        return 1
    values = [math.prod(found.run.data.shape) * _examples(found.run) for found in findings.values()]
    each = MEMORY + 8.0 * max(values, default=0)  # Stored images, and float32 for codes of pixels.
    return max(1, int(min(count_threads(), available_memory() / each)))


def _examples(run: Run) -> int:
    sizes = run.data.sizes
    return sizes.train + sizes.validation + sizes.test


def _seconds(work: Sequence[_Job]) -> float:
    return sum(item.seconds for _, item in work)


def measure(
    item: AnyAnalysis,
    comparison: Comparison,
    settings: Settings | None = None,
    inputs: Inputs | None = None,
    skipped: Sequence[Skip] = (),
) -> Result:
    """Run an analysis, and keep its result with the run, where there is one.

    A result of other inputs than the run's own test examples, or of other labels than theirs, is
    returned, and not kept. `skipped` is what the settings leave out.

    Raises
    ------
    ConfigError, DataError, RunError
        If the analysis needs a model and there is none; and whatever the analysis raises.
    """
    settings, inputs = settings or item.settings(), inputs or item.inputs()
    # Arrays among them cannot be compared.
    is_own = all(value is None for _, value in inputs)
    if item.needs_model and is_own and comparison.opened is None:
        raise ConfigError(f"Codes alone have no {item.name}", expected="a run")
    with _threads(item, comparison):
        result: Result = item.measure(comparison, settings, inputs)
    if skipped or comparison.baselines.drawn:
        facts = {"skipped": (*result.skipped, *skipped), "drawn": comparison.baselines.drawn}
        result = result.model_copy(update=facts)
    if comparison.opened is not None and is_own and comparison.has_own_labels:
        save_parts(comparison.opened.run, result)
    return result


@contextmanager
def _threads(item: AnyAnalysis, comparison: Comparison) -> Iterator[None]:
    """Analyse few examples on one thread: others would only wait for it."""
    dataset, index = comparison.split.dataset, comparison.rows[0].index("all")
    if item.gains_from_threads or len(index) * math.prod(dataset.shape) > MAX_SERIAL_VALUES:
        yield
        return
    with one_thread(), limited_threads(1):
        yield


def _look_quickly(item: AnyAnalysis, comparison: Comparison) -> None:
    look = item.quick_look
    assert look is not None
    left_out = [Skip(item=look.left_out, reason="quick")] if look.left_out else []
    measure(item, comparison, look.settings, skipped=left_out)


def _each(jobs: Sequence[_Job], n_runs: int) -> Iterator[_Job]:
    """Say which analysis is made, and of which run where there are several."""

    def describe(job: _Job) -> str:
        run, item = job
        return item.name if n_runs == 1 else f"{item.name} of {run.name}"

    return steps("analysis", jobs, describe, lambda job: job[1].seconds)


def _compare_run(
    opened: OpenRun, codes: Mapping[str, CodeSource], shared: dict[str, Baselines]
) -> Comparison:
    """Compare the codes of a run; runs on the same examples share their baselines."""
    key = opened.run.data.fingerprint + opened.recipe.data.model_dump_json()
    if key not in shared:
        shared[key] = Baselines(opened.split)
    return compare_codes(opened, codes=codes, baselines=shared[key])


def analyze_codes(
    comparison: str | Path | Run | Comparison, *, parts: Sequence[str] = (), quiet: bool = False
) -> dict[str, Result]:
    """Look at compared codes in every way that applies to them.

    Parameters
    ----------
    comparison : Comparison, or str, Path or Run
        Codes of `compare_codes`, or a finished run. Results are kept with the run, where there is
        one.
    parts : sequence of str
        Names of analyses; by default all that take no more than minutes.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    dict of str to Result
        By the name of the analysis.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `analyze`.
    """
    comparison = as_comparison(comparison)
    analyses = [
        item
        for item in choose_analyses(parts)
        if comparison.opened is not None or not item.needs_model
    ]
    with shown(quiet):
        each = steps("analysis", analyses, lambda item: item.name, lambda item: item.seconds)
        return {item.name: measure(item, comparison) for item in each}
