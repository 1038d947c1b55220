"""Studies: recipes and axes, trained where they have not been, and put into one table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from latentscape.analyses.summaries import alike, mean_anomalies, rank, row_of
from latentscape.api.experiment import (
    RUNS,
    default_name,
    finish_run,
    load_split,
    prepare,
    resolve,
    run_findings,
    run_split,
    start_run,
)
from latentscape.api.exploration import (
    PARTS,
    Ground,
    Made,
    Watch,
    check_parts,
    gather_codes,
    is_customary,
)
from latentscape.api.pages import write_report
from latentscape.api.workers import Finishing, choose_jobs, finish_together
from latentscape.config import Recipe, Study, load_study
from latentscape.core.errors import ConfigError, Interrupted, RunError, TrainingError
from latentscape.core.files import slug
from latentscape.core.records import Dataset, Findings, Split
from latentscape.core.runtime import choose_device, count_threads
from latentscape.reporting.learned import learned_baselines
from latentscape.runs import SCHEMA, Run, list_runs, open_run, read_findings, write_findings
from latentscape.tracking.trackers import choose_trackers

_PICTURED = ("projection", "neighbours")
"""Parts of the analysis that are looked at, and have no mean over seeds."""


@dataclass(frozen=True)
class _Planned:
    """A run that a study asks for."""

    label: str
    recipe: Recipe
    split: Split

    @property
    def fingerprint(self) -> str:
        """Equal for runs of the same settings on the same data."""
        return self.recipe.fingerprint(self.split.dataset.fingerprint)


def compare(
    study: str | Path | Study,
    *,
    data: str | Path | Dataset | None = None,
    seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    folder: str | Path = RUNS,
    device: str = "auto",
    track: str | Sequence[str] = (),
    jobs: int | None = 1,
    quiet: bool = False,
    watch: Watch = iter,
) -> Findings:
    """Train and analyse all that a study compares, and write its findings and its report.

    Runs in `folder` with the same settings and the same data are used again; one that was killed
    goes on where it was.

    Parameters
    ----------
    study : str, Path or Study
        Name of a study, a YAML file, or a study itself.
    data : str, Path or Dataset, optional
        Name or path of the data, or a dataset in memory; by default what each recipe names.
    seeds : int, optional
        Training seeds per configuration, instead of the study's own number.
    changes : mapping, optional
        Dotted path to value, for every run of the study.
    folder : str or Path
        Where runs and the study's own directory are kept.
    device, track, quiet
        As for `train`. Runs that are used again are tracked too.
    jobs : int or None
        How many runs are trained at once, each in a process on its share of the cores. None takes
        as many as there are cores, or one, whichever is faster by a few steps of each recipe. The
        last bits of results depend on the number of threads. A script that asks for more than one
        has to keep what it does under ``if __name__ == "__main__":``, as `multiprocessing` says.
    watch : callable
        Is given the parts of the analysis, and hands them out: for a progress bar.

    Returns
    -------
    Findings
        ``rows``: per configuration, mean and standard deviation over seeds; ``failures``: runs
        that could not be trained; ``folder``: where ``report.html`` stands.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.
    """
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs is {jobs}", expected="a number from 1 on, or None")
    study = study if isinstance(study, Study) else load_study(study)
    folder = Path(folder)
    seeds = seeds or study.seeds
    planned = _plan(study, data, seeds, changes or {})
    trackers = choose_trackers(track)
    finished, failures = _run_all(planned, folder, Finishing(device, quiet, trackers), jobs)
    groups = _by_label(finished)
    _analyse(
        groups.values(),
        study.analysis,
        {},
        device,
        watch,
        data if isinstance(data, Dataset) else None,
    )
    place = folder / slug(f"{study.name}-{planned[0].split.dataset.name}")
    values = {
        "schema": SCHEMA,
        "kind": "study",
        "name": study.name,
        "about": study.about,
        "origin": study.origin,
        "ranked": study.ranked,
        "seeds": list(range(seeds)),
        "folder": str(place),
        "failures": failures,
    }
    return _keep(place, values, groups)


def analyze(
    run_or_study: str | Path,
    *,
    codes: Mapping[str, Made] | None = None,
    parts: Sequence[str] = (),
    data: Dataset | None = None,
    device: str = "auto",
    watch: Watch = iter,
) -> Findings:
    """Look at what a run or all runs of a study learned in every way, and write the report.

    Parameters
    ----------
    run_or_study : str or Path
        A directory that `train` or `compare` has made.
    codes : mapping, optional
        Name to codes that were made elsewhere, to stand in the same tables; see `gather_codes`.
    parts : sequence of str
        Of ``clustering``, ``probing``, ``projection``, ``legibility``, ``neighbours`` and
        ``anomalies``; by default all of them.
    data : Dataset, optional
        The dataset, where runs were trained on one in memory.
    device : str
        As for `train`.
    watch : callable
        Is given the parts of the analysis, and hands them out: for a progress bar.

    Returns
    -------
    Findings
        Those of the run or the study.

    Raises
    ------
    ConfigError, DataError, RunError
        If codes do not fit the data, the data have changed, or a run is not finished.
    """
    path, parts, codes = Path(run_or_study), check_parts(parts), codes or {}
    study = _read_study(path)
    if study is None:
        run = open_run(path)
        _analyse([[run]], parts, codes, device, watch, data, anew=True)
        report(path)
        return run_findings(run)
    groups = {row["label"]: _runs_of(row, path) for row in study["rows"]}
    _analyse(groups.values(), parts, codes, device, watch, data, anew=True)
    return _keep(path, study, groups)


def report(run_or_study: str | Path) -> Path:
    """Write the report of a run or a study into its directory.

    Parameters
    ----------
    run_or_study : str or Path
        A directory that `train` or `compare` has made.

    Returns
    -------
    Path
        ``report.html``; its figures stand beside it in ``figures/``.

    Raises
    ------
    RunError
        If it is neither, or not finished.
    """
    path = Path(run_or_study)
    study = _read_study(path)
    if study is None:
        findings = run_findings(open_run(path))
        about = findings.values["recipe"].get("about", "")
        return write_report(findings.values["name"], about, None, [findings], path)
    runs = []
    for row in study["rows"]:
        for run in _runs_of(row, path):
            found = run_findings(run)
            runs.append(Findings({**found.values, "label": row["label"]}, found.arrays))
    return write_report(study["name"], study["about"], study, runs, path)


def _read_study(path: Path) -> dict[str, Any] | None:
    """Return what a study found; None where the path is that of a run."""
    if (path / "recipe.yaml").is_file() or not (path / "findings.json").is_file():
        return None
    study = read_findings(path).values
    if study.get("kind") != "study":
        raise RunError(f"{path} is neither a run nor a study")
    return study


def _runs_of(row: Mapping[str, Any], path: Path) -> list[Run]:
    return [open_run(path.parent / name) for name in row["runs"]]


def _keep(path: Path, study: dict[str, Any], groups: Mapping[str, Sequence[Run]]) -> Findings:
    """Write the findings of a study, with its rows made anew from those of its runs; and report."""
    found = {  # A run may have been renamed since.
        label: [{**run_findings(run).values, "name": run.name} for run in runs]
        for label, runs in groups.items()
    }
    rows = [row_of(label, seeds) for label, seeds in found.items()]
    values = {
        **study,
        "rows": sorted(rows, key=rank) if study["ranked"] else rows,
        "baselines": learned_baselines([alike(seeds) for seeds in found.values()]),
        "anomalies": mean_anomalies(rows),
    }
    findings = Findings(values)
    write_findings(path, findings)
    report(path)
    return findings


def _analyse(
    groups: Iterable[Sequence[Run]],
    parts: Sequence[str],
    codes: Mapping[str, Made],
    device: str,
    watch: Watch,
    data: Dataset | None,
    *,
    anew: bool = False,
) -> None:
    """Explore all runs; of those that differ in the seed only the first where there is no mean."""
    asked = [
        (run, part)
        for runs in groups
        for number, run in enumerate(runs)
        for part in parts
        if number == 0 or part not in _PICTURED
    ]
    if not anew:
        asked = [
            (run, part) for run, part in asked if not is_customary(part, run_findings(run).values)
        ]
    grounds: dict[str, Ground] = {}
    bench = None
    for run, part in watch(asked):
        if bench is None or bench.run is not run:
            key = run.data["fingerprint"] + run.recipe.data.model_dump_json()
            if key not in grounds:
                grounds[key] = Ground(run_split(run, data))
            bench = gather_codes(run, codes=codes, device=device, ground=grounds[key])
        PARTS[part](bench)


def _plan(
    study: Study, data: str | Path | Dataset | None, seeds: int, changes: Mapping[str, Any]
) -> list[_Planned]:
    """Resolve every run before the first is trained: a mistake in the last shows at once."""
    configurations = study.configurations()
    _check_changes(study, changes)
    planned, splits = [], dict[str, Split]()
    for (label, name, settings), seed in product(configurations, range(seeds)):
        recipe = resolve(name, {**settings, **changes, "train.seed": seed}, data)
        key = recipe.data.model_dump_json()
        if key not in splits:
            splits[key] = load_split(recipe, data)
        planned.append(_Planned(label, prepare(recipe, splits[key]), splits[key]))
    return planned


def _check_changes(study: Study, changes: Mapping[str, Any]) -> None:
    """Refuse a change to what the study itself varies: its labels would no longer be true."""
    varied = {"train.seed", *study.axes, *(path for v in study.variants.values() for path in v)}
    for path in varied & changes.keys():
        fix = "Use --seeds." if path == "train.seed" else "Write a study of your own for that."
        raise ConfigError(f"The study {study.name} varies {path} itself", fix=fix)


def _run_all(
    planned: Sequence[_Planned], folder: Path, how: Finishing, jobs: int | None
) -> tuple[list[tuple[_Planned, Run]], list[dict[str, Any]]]:
    """Train what has not been trained; one that diverges for good does not stop the others."""
    known = _known_runs(folder)
    if jobs is None:
        new = [item for item in planned if not _is_finished(item, known)]
        device = choose_device(how.device)
        jobs = choose_jobs([(item.recipe, item.split) for item in new], device)
    finished = dict[int, Run]()
    failures = list[dict[str, Any]]()
    for place, run, error in _finish_all(planned, folder, how, jobs, known):
        if error is None:
            finished[place] = run
            continue
        item = planned[place]
        seed = item.recipe.train.seed
        failures.append({"label": item.label, "seed": seed, "what": str(error)})
    if not finished:
        raise TrainingError("No run of the study came to its end", fix=failures[0]["what"])
    return [(planned[place], finished[place]) for place in sorted(finished)], failures


def _finish_all(
    planned: Sequence[_Planned], folder: Path, how: Finishing, jobs: int, known: Mapping[str, Run]
) -> Iterator[tuple[int, Run, TrainingError | None]]:
    """Yield each run with its place in the plan, and with what went wrong with it."""
    threads = max(1, count_threads() // jobs)
    begin = partial(_reuse_or_start, known=known, folder=folder, how=how, threads=threads)
    if jobs == 1:
        for place, item in enumerate(planned):
            run = begin(item)
            yield place, run, _finish_alone(run, item, how)
        return
    runs = [begin(item) for item in planned]
    # What a plan names twice is trained once.
    work = {run.path: (run, item.split) for run, item in zip(runs, planned, strict=True)}
    try:
        for finished, error in finish_together(list(work.values()), how, jobs, threads):
            for place, run in enumerate(runs):
                if run.path == finished.path:
                    yield place, run, error
    except Interrupted as error:
        raise _to_be_continued("Stopped") from error


def _finish_alone(run: Run, item: _Planned, how: Finishing) -> TrainingError | None:
    try:
        finish_run(run, item.split, device=how.device, quiet=how.quiet, trackers=how.trackers)
    except Interrupted as error:
        raise _to_be_continued(f"Stopped while training {item.label}") from error
    except TrainingError as error:
        return error
    return None


def _to_be_continued(what: str) -> Interrupted:
    fix = "Give the same command again to go on from there."
    return Interrupted(f"{what}, and saved", fix=fix)


def _known_runs(folder: Path) -> dict[str, Run]:
    """Find the runs in a folder by their fingerprints, passing over what cannot be read."""
    known = {}
    for run in list_runs(folder):
        with suppress(RunError, ConfigError):
            if run.finished or run.fingerprint not in known:
                known[run.fingerprint] = run
    return known


def _is_finished(item: _Planned, known: Mapping[str, Run]) -> bool:
    run = known.get(item.fingerprint)
    return run is not None and run.finished


def _reuse_or_start(
    item: _Planned, known: Mapping[str, Run], folder: Path, how: Finishing, threads: int
) -> Run:
    wanted = item.fingerprint
    if wanted in known:
        return known[wanted]
    path = folder / default_name(item.recipe, item.split, item.label)
    if path.exists():  # The name is taken by a run of other settings.
        path = path.with_name(f"{path.name}-{wanted[:8]}")
    return start_run(item.recipe, item.split, path, choose_device(how.device), threads=threads)


def _by_label(runs: Sequence[tuple[_Planned, Run]]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for item, run in runs:
        groups.setdefault(item.label, []).append(run)
    return groups
