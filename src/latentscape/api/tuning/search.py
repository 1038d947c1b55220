"""The search itself: trials are begun, trained, noted, and the best is finished."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from latentscape.api.finishing import finish_run
from latentscape.api.studies import to_be_continued
from latentscape.api.tuning.plan import Plan
from latentscape.api.tuning.storage import Asked, Trials, check_shared, space_text
from latentscape.api.tuning.trials import (
    TrialWork,
    lighten,
    open_or_start,
    standalone,
    trial_folder,
)
from latentscape.config import Placement, Recipe, Study
from latentscape.core.errors import (
    ConfigError,
    DataError,
    Interrupted,
    LatentscapeError,
    RunError,
    TrainingError,
)
from latentscape.core.runtime import count_threads
from latentscape.data.sharing import shared
from latentscape.evaluation.listing import size_of
from latentscape.evaluation.search import BEST_RECIPE, MEASURES, Search, value_of
from latentscape.evaluation.study import StudyMembers
from latentscape.parallel.calls import Call, call_in_turn, call_together, error_of
from latentscape.parallel.connection import connected
from latentscape.parallel.tasks import call_on_cluster
from latentscape.runs import Run, open_run
from latentscape.runs.directory import write_recipe

_Ends = Iterator[tuple[int, Future[Any]]]


class Searching:
    """A search that goes on in the folder of its study.

    Parameters
    ----------
    plan : Plan
        What is tried.
    path : Path
        The folder, which is owned.
    url : str
        Where trials are kept.
    device : str
        As for `train`.
    prune : bool
        Whether trials that lag behind stop, unless they differ in their numbers of epochs.
    """

    def __init__(self, plan: Plan, path: Path, url: str, device: str, *, prune: bool) -> None:
        self._plan, self._path, self._url, self._device = plan, path, url, device
        # After as many epochs, trials of different lengths are at different rates.
        self._stops = prune and "train.epochs" not in plan.space
        base = plan.recipe({})
        key = {
            "recipe": base.fingerprint(plan.split.dataset.fingerprint),
            "space": space_text(plan.space),
            "metric": plan.metric,
        }
        self._seed = base.train.seed
        self._trials = Trials(url, path.name, plan.space, base, halves=self._stops, key=key)

    def run(self, count: int, placement: Placement) -> None:
        """Train trials until so many have ended.

        Raises
        ------
        Interrupted
            If Ctrl-C came: all trials that ran are saved.
        TrainingError
            If none came to its end.
        RunError
            If the folder of the best trial is gone, and the storage still has it.
        """
        self._check_best()
        self._lighten_all()
        self._count = count
        done = len(self._trials.ended)
        if done < count:
            try:
                with closing(self._train(count - done, placement)) as ends:
                    for trial, future in ends:
                        self._note(trial, future)
            except Interrupted as error:
                raise to_be_continued("Stopped") from error
        if self._trials.best is None:
            messages = [trial.message for trial in self._trials.ended if trial.message]
            raise TrainingError("No trial of the search came to its end", fix="".join(messages[:1]))

    def finish_best(self, seeds: int) -> list[Run]:
        """Evaluate the best trial on test examples, and train its settings with further seeds."""
        best = self._trials.best
        assert best is not None
        self._lighten_all()
        first = self._open(best.number)
        write_recipe(self._path / BEST_RECIPE, standalone(first.recipe))
        runs = [first]
        for seed in range(1, seeds):
            recipe = _with_seed(first.recipe, self._seed + seed)
            path = first.path.with_name(f"{first.name}-seed-{self._seed + seed}")
            runs.append(open_or_start(recipe, self._plan.split, path, self._device))
        for run in runs:
            try:
                finish_run(run, self._plan.split, device=self._device)
            except Interrupted as error:
                raise to_be_continued("Stopped") from error
        return runs

    def members(self, study: Study, runs: list[Run]) -> StudyMembers:
        """Return what the study is made of, once all has been trained."""
        trials, best = self._trials.ended, self._trials.best
        assert best is not None
        search = Search(
            metric=self._plan.metric,
            space=dict(self._plan.space),
            trials=trials,
            best=best.number,
            importance=self._trials.importance(),
            begins_with_own=self._trials.begins_with_own,
            stops=self._stops,
            seed=self._seed,
            recipe=(self._path / BEST_RECIPE).read_text(encoding="utf-8"),
            bytes=size_of(self._path),
        )
        place = self._path.parent
        return StudyMembers(
            name=study.name,
            about=study.about,
            origin=study.origin,
            seeds=tuple(run.recipe.train.seed for run in runs),
            groups={
                f"{self._plan.base.name}, trial {best.number}": tuple(
                    run.path.relative_to(place).as_posix() for run in runs
                )
            },
            search=search,
        )

    def _train(self, left: int, placement: Placement) -> Generator[tuple[Asked, Future[Any]]]:
        """Train trials where they shall run, and yield each with what became of it."""
        begun = list[Asked]()
        train_all = self._train_on_cluster if placement.kind == "ray" else self._train_here
        for place, future in train_all(begun, left, placement):
            yield begun[place], future

    def _train_here(self, begun: list[Asked], left: int, placement: Placement) -> _Ends:
        jobs, describe = placement.jobs or 1, self._describe
        threads = max(1, count_threads() // jobs)
        with shared([self._plan.split]) as [split]:
            works = self._works(begun, threads)
            calls = (Call(work.path.name, partial(work.train, split)) for work in works)
            if jobs == 1:
                yield from call_in_turn("search", calls, count=left, describe=describe)
            else:
                yield from call_together(
                    "search", calls, jobs, threads, count=left, describe=describe
                )

    def _train_on_cluster(self, begun: list[Asked], left: int, placement: Placement) -> _Ends:
        with connected(placement) as cluster:
            check_shared(self._url, cluster)
            cluster.check(self._path, [self._plan.split])
            share = cluster.share(placement.jobs)
            # No more than run at once: a point is chosen by all that is known by then.
            jobs = placement.jobs or cluster.room(share)
            shipped = cluster.ship(self._plan.split)
            works = self._works(begun, share.cores)
            calls = (Call(work.path.name, partial(work.train_shipped, shipped)) for work in works)
            yield from call_on_cluster(
                "search", calls, cluster, share, jobs, count=left, describe=self._describe
            )

    def _works(self, begun: list[Asked], threads: int) -> Iterator[TrialWork]:
        """Yield the work of each trial; the next point is chosen when the next is asked for."""
        for trial in chain(self._trials.unfinished(), self._trials.new(self._count)):
            try:
                recipe = self._plan.recipe(trial.point)
            except (ConfigError, DataError) as error:
                self._trials.finish(trial, None, 0.0, str(error))
                continue
            begun.append(trial)
            path, metric = trial_folder(self._path, trial.number), self._plan.metric
            yield TrialWork(recipe, path, trial.judge, metric, self._device, threads)

    def _note(self, trial: Asked, future: Future[Any]) -> None:
        before, path = self._trials.best, trial_folder(self._path, trial.number)
        try:
            error: LatentscapeError | None = error_of(future)
        except (ConfigError, DataError) as unfit:
            error = unfit
        if error is not None and not path.exists():  # It could not even begin.
            self._trials.finish(trial, None, 0.0, str(error))
            return
        run = open_run(path)
        value = value_of(run.history, run.recipe, self._plan.metric) if run.finished else None
        message = "" if error is None else str(error)
        if run.finished and value is None:
            message = f"Its {MEASURES[self._plan.metric].name} of validation examples is no number"
        self._trials.finish(trial, value, run.history.train_seconds, message)
        best = self._trials.best
        if best is None or best.number != trial.number:
            lighten(run)
        elif before is not None:
            lighten(self._open(before.number))

    def _describe(self, done: int) -> str:
        best, ended = self._trials.best, len(self._trials.ended)
        text = f"trial {min(ended + 1, self._count)} of {self._count}"
        if best is None:
            return text
        return f"{text}, best {MEASURES[self._plan.metric].write(best.value)}"

    def _open(self, trial: int) -> Run:
        return open_run(trial_folder(self._path, trial))

    def _check_best(self) -> None:
        """Refuse to go on with trials on a server whose folder was removed, or is elsewhere."""
        best = self._trials.best
        if best is not None and not trial_folder(self._path, best.number).exists():
            raise RunError(
                f"The storage has a search {self._path.name} already, and {self._path} has not "
                f"the run of its best trial, {best.number}",
                expected="the folder of the search beside its trials",
                fix="Give another --name, put the folder back, or remove the trials.",
            )

    def _lighten_all(self) -> None:
        """Remove weights that a search left when it was killed, or had another best with seeds."""
        best = self._trials.best
        for trial in self._trials.ended:
            if best is None or trial.number != best.number:
                own = trial_folder(self._path, trial.number)
                for path in (own, *own.parent.glob(f"{own.name}-seed-*")):
                    with suppress(LatentscapeError):  # The folder of a trial may be gone.
                        lighten(open_run(path))


def _with_seed(recipe: Recipe, seed: int) -> Recipe:
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"seed": seed})})
