"""Studies: recipes and axes, trained where they have not been, and put into one table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from latentscape.analyses.registry import AnyAnalysis, choose_analyses
from latentscape.api.analyzing import analyze_runs
from latentscape.api.finishing import finish_run
from latentscape.api.preparing import default_name, prepare, resolve, start_run
from latentscape.api.shapes import group_runs
from latentscape.api.subjects import write_study
from latentscape.api.training import RUNS
from latentscape.api.workers import Finishing, choose_jobs, finish_on_cluster, finish_together
from latentscape.config import Changes, Placement, Recipe, Study, join_changes, load_study
from latentscape.core.errors import ConfigError, Interrupted, RunError, TrainingError
from latentscape.core.files import cannot_write, slug
from latentscape.core.progress import steps
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device, count_threads
from latentscape.core.urls import refuse_url
from latentscape.evaluation.study import Failure, StudyFindings, StudyMembers
from latentscape.parallel.connection import connected
from latentscape.runs import Run, load_split, open_run, owning, runs_in
from latentscape.terminal import shown
from latentscape.tracking.trackers import choose_trackers

MAX_RUNS = 1000
"""Runs of a study that are taken to be meant; more have to be asked for."""


IMAGES_PER_SECOND = 20_000
"""Of small networks: says how long a study may take, before its first run has ended."""


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
    data: object = None,
    seeds: int | None = None,
    epochs: int | None = None,
    changes: Changes | None = None,
    as_published: bool = False,
    folder: str | Path = RUNS,
    device: str = "auto",
    track: str | Sequence[str] = (),
    on: str = "local",
    jobs: int | None = 1,
    gpus_per_worker: float = 0.0,
    max_runs: int = MAX_RUNS,
    quiet: bool = False,
) -> StudyFindings:
    """Train and analyse all that a study compares, and write its findings and its report.

    Runs in `folder` with the same settings and the same data are used again; one that was killed
    goes on where it was.

    Parameters
    ----------
    study : str, Path or Study
        Name of a study, a YAML file, or a study itself.
    data : str, Path or data in memory, optional
        Name or path of the data, or a dataset in memory; by default what each recipe names.
    seeds : int, optional
        Training seeds per configuration, instead of the study's own number.
    epochs : int, optional
        Epochs to train every run of the study.
    changes : mapping, optional
        Any other setting, dotted path to value, for every run of the study.
    as_published : bool
        Whether all recipes are trained as their origins did, and not fitted to the number of
        examples; some studies ask for that themselves.
    folder : str or Path
        Where runs and the study's own directory are kept.
    device, track, quiet
        As for `train`. Runs that are used again are tracked too.
    on : str
        Where runs are trained: ``local``; ``ray``, a Ray cluster whose nodes all see `folder` and
        the data; or ``ray://HOST:PORT``, one elsewhere. See `Placement`.
    jobs : int or None
        How many runs are trained at once, each in a process on its share of the cores. None takes
        as many as there are cores, or one, whichever is faster by a few steps of each recipe; and
        it trains runs of one shape, which differ in seed or learning rate, as one where that is
        faster still. The last bits of results depend on the number of threads, and on whether a run
        was trained with others. A script that asks for more than one
        has to keep what it does under ``if __name__ == "__main__":``, as `multiprocessing` says. On
        a cluster None gives each a core, and does as many at once as there is room for.
    gpus_per_worker : float
        GPUs that each run asks for on a cluster; 0.25 lets four share one.
    max_runs : int
        A study of more runs, seeds included, is refused: one axis too many may ask for millions.

    Returns
    -------
    StudyFindings
        Rows with mean and standard deviation over seeds; runs that could not be trained; and the
        folder, where ``report.html`` stands.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.
    """
    placement = Placement.of(on, jobs=jobs, gpus_per_worker=gpus_per_worker)
    refuse_url(folder, "A study")
    study = study if isinstance(study, Study) else load_study(study)
    if study.space:
        fix = "Give it to 'latentscape tune' instead."
        raise ConfigError(f"The study {study.name} has a space, and no rows to compare", fix=fix)
    study = study.model_copy(update={"as_published": as_published or study.as_published})
    analyses = choose_analyses(study.analysis) if study.analysis else ()
    seeds = seeds or study.seeds
    _check_size(study, seeds, max_runs)
    planned = _plan(study, data, seeds, join_changes({"epochs": epochs}, changes))
    _check_analyses(study, analyses, planned)
    how = Finishing(device, quiet, choose_trackers(track))
    path = Path(folder) / slug(f"{study.name}-{planned[0].split.dataset.name}")
    with shown(quiet), folder_of_its_own(path):
        finished, failures = _run_all(planned, Path(folder), how, placement)
        groups = _by_label(finished)
        dataset = None if isinstance(data, str | Path) else data
        analyze_runs(list(groups.values()), analyses, data=dataset, device=device)
        members = StudyMembers(
            name=study.name,
            about=study.about,
            origin=study.origin,
            ranked=study.ranked,
            seeds=tuple(range(seeds)),
            failures=tuple(failures),
            groups={label: tuple(run.name for run in runs) for label, runs in groups.items()},
        )
        return write_study(path, members)


@contextmanager
def folder_of_its_own(path: Path) -> Iterator[None]:
    """Own the folder of a study, which is made if missing, and goes if it stays empty."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        with owning(path, "compared"):
            yield
    finally:
        with suppress(OSError):  # It holds something.
            path.rmdir()


def _plan(study: Study, data: object, seeds: int, changes: Changes) -> list[_Planned]:
    """Resolve every run before the first is trained: a mistake in the last shows at once."""
    configurations = study.configurations()
    _check_changes(study, changes)
    planned, splits = [], dict[str, Split]()
    for (label, name, settings), seed in product(configurations, range(seeds)):
        settings = {**settings, **changes, "train.seed": seed}
        recipe = resolve(name, settings, data)
        key = recipe.data.model_dump_json()
        if key not in splits:
            splits[key] = load_split(recipe, data)
        if not study.as_published:
            recipe = resolve(name, settings, data, splits[key])
        planned.append(_Planned(label, prepare(recipe, splits[key]), splits[key]))
    return planned


def _check_size(study: Study, seeds: int, max_runs: int) -> None:
    """Refuse a study of more runs than anybody wants, before any of them is planned."""
    runs = study.combinations * seeds
    if runs > max_runs:
        raise ConfigError(
            f"The study {study.name} has {study.combinations:,} combinations, which with {seeds} "
            f"seed(s) each are {runs:,} runs",
            expected=f"{max_runs:,} at most",
            fix=f"Take values out of its axes; or, if you want them all, give --max-runs {runs}.",
        )


def _check_changes(study: Study, changes: Changes) -> None:
    """Refuse a change to what the study itself varies: its labels would no longer be true."""
    varied = {"train.seed", *study.axes, *(path for v in study.variants.values() for path in v)}
    for path in varied & changes.keys():
        fix = "Use --seeds." if path == "train.seed" else "Write a study of your own for that."
        raise ConfigError(f"The study {study.name} varies {path} itself", fix=fix)


def _check_analyses(
    study: Study, analyses: Sequence[AnyAnalysis], planned: Sequence[_Planned]
) -> None:
    """Refuse an analysis that applies to no model of the study, before the first is trained."""
    for item in analyses:
        if not any(item.applies_to(plan.recipe) for plan in planned):
            raise ConfigError(
                f"The study {study.name} asks for {item.name}, and none of its models can have it",
                fix="Take it out of the study's analysis.",
            )


def _run_all(
    planned: Sequence[_Planned], folder: Path, how: Finishing, placement: Placement
) -> tuple[list[tuple[_Planned, Run]], list[Failure]]:
    """Train what has not been trained; one that diverges for good does not stop the others."""
    finished, failures = dict[int, Run](), list[Failure]()
    finish_all = _finish_on_cluster if placement.kind == "ray" else _finish_here
    for place, run, error in finish_all(planned, folder, how, placement):
        if error is None:
            finished[place] = run
            continue
        item = planned[place]
        seed = item.recipe.train.seed
        failures.append(Failure(label=item.label, seed=seed, message=str(error)))
    if not finished:
        raise TrainingError("No run of the study came to its end", fix=failures[0].message)
    return [(planned[place], finished[place]) for place in sorted(finished)], failures


def _finish_here(
    planned: Sequence[_Planned], folder: Path, how: Finishing, placement: Placement
) -> Iterator[tuple[int, Run, TrainingError | None]]:
    """Yield each run with its place in the plan, and with what went wrong with it."""
    known, device = _known_runs(folder), choose_device(how.device)
    new = _unfinished(planned, known)
    work = [(planned[place].recipe, planned[place].split) for place in new]
    jobs, groups = placement.jobs, [[number] for number in range(len(work))]
    if not new:
        jobs = 1  # No process has to begin.
    elif jobs is None:
        jobs = choose_jobs(work, device)
        begun = [_together(planned[place], known) for place in new]
        groups = group_runs(work, jobs, max(1, count_threads() // jobs), device, begun)
    threads = max(1, count_threads() // jobs)
    begin = partial(_reuse_or_start, known=known, folder=folder, how=how, threads=threads)
    if jobs == 1 and len(groups) == len(work):
        for place, item in enumerate(steps("run", planned, lambda item: "", _rough_seconds)):
            run = begin(item)
            yield place, run, _finish_alone(run, item, how)
        return
    together = {new[number]: len(group) for group in groups for number in group}
    runs = [begin(item, together=together.get(place, 1)) for place, item in enumerate(planned)]
    placed = [[new[number] for number in group] for group in groups]
    # What a plan names twice is trained once; what is finished may lack its evaluation.
    others = {runs[place].path: place for place in range(len(runs)) if runs[place].finished}
    grouped = [
        [(runs[place], planned[place].split) for place in group]
        for group in [*placed, *([place] for place in others.values())]
    ]
    with _saying_how_to_go_on():
        for finished, error in finish_together(grouped, how, jobs, threads):
            for place, run in enumerate(runs):
                if run.path == finished.path:
                    yield place, run, error


def _together(item: _Planned, known: Mapping[str, Run]) -> int | None:
    """Return how many runs one was to be trained as one with; None where it has not begun."""
    run = known.get(item.fingerprint)
    return None if run is None else run.environment.together


def _unfinished(planned: Sequence[_Planned], known: Mapping[str, Run]) -> list[int]:
    """Return the places of the runs that are to be trained; of one that goes on, the first."""
    places = dict[Path | int, int]()
    for place, item in enumerate(planned):
        run = known.get(item.fingerprint)
        if run is None or not run.finished:
            places.setdefault(place if run is None else run.path, place)
    return list(places.values())


def _finish_on_cluster(
    planned: Sequence[_Planned], folder: Path, how: Finishing, placement: Placement
) -> Iterator[tuple[int, Run, TrainingError | None]]:
    """Do the same with a task of a Ray cluster for each run."""
    known = _known_runs(folder)
    paths = [_path_of(item, known, folder) for item in planned]
    places = {path: place for place, path in enumerate(paths)}  # A run that two ask for, once.
    work = [(planned[place].recipe, planned[place].split, path) for path, place in places.items()]
    with connected(placement) as cluster, _saying_how_to_go_on():
        for number, error in finish_on_cluster(work, how, placement.jobs, cluster):
            path = work[number][2]
            for place in (place for place, of_item in enumerate(paths) if of_item == path):
                yield place, open_run(path), error


@contextmanager
def _saying_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except Interrupted as error:
        raise to_be_continued("Stopped") from error


def _rough_seconds(item: _Planned) -> float:
    """Return how long a small network trains on a machine of two cores."""
    return item.recipe.train.epochs * len(item.split.train) / IMAGES_PER_SECOND


def _finish_alone(run: Run, item: _Planned, how: Finishing) -> TrainingError | None:
    try:
        finish_run(run, item.split, device=how.device, quiet=how.quiet, trackers=how.trackers)
    except Interrupted as error:
        raise to_be_continued(f"Stopped while training {item.label}") from error
    except TrainingError as error:
        return error
    return None


def to_be_continued(event: str) -> Interrupted:
    """Say that a study has stopped, and how it goes on."""
    fix = "Give the same command again to go on from there."
    return Interrupted(f"{event}, and saved", fix=fix)


def _known_runs(folder: Path) -> dict[str, Run]:
    """Return the runs in a folder by their fingerprints, passing over what cannot be read."""
    known = {}
    for run in runs_in(folder):
        with suppress(RunError, ConfigError):
            if run.finished or run.fingerprint not in known:
                known[run.fingerprint] = run
    return known


def _reuse_or_start(
    item: _Planned,
    known: Mapping[str, Run],
    folder: Path,
    how: Finishing,
    threads: int,
    together: int = 1,
) -> Run:
    if item.fingerprint in known:
        return known[item.fingerprint]
    path = _path_of(item, known, folder)
    device = choose_device(how.device)
    return start_run(item.recipe, item.split, path, device, threads=threads, together=together)


def _path_of(item: _Planned, known: Mapping[str, Run], folder: Path) -> Path:
    """Return the directory of a run that is there, or of a new one."""
    fingerprint = item.fingerprint
    if fingerprint in known:
        return known[fingerprint].path
    path = folder / default_name(item.recipe, item.split, item.label)
    if path.exists():  # The name is taken by a run of other settings.
        path = path.with_name(f"{path.name}-{fingerprint[:8]}")
    return path


def _by_label(runs: Sequence[tuple[_Planned, Run]]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for item, run in runs:
        groups.setdefault(item.label, []).append(run)
    return groups
