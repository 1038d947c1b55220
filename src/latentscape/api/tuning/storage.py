"""The trials of a search as Optuna keeps them: in a file of the study's folder, or on a server.

Points come from the tree-structured Parzen estimator (TPE, Bergstra et al. 2011; Watanabe 2023),
whose generator is seeded anew for each trial: a search that was killed goes on with the points that
it would have had. Trials stop by successive halving (ASHA, Li et al. 2020).
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentscape.config import Changes, Recipe
from latentscape.config.space import Dimension, Key, Range
from latentscape.core.errors import ConfigError, RunError, brief
from latentscape.core.extras import require
from latentscape.core.findings import Json
from latentscape.core.randomness import derive_seed
from latentscape.core.secrets import without_passwords
from latentscape.evaluation.search import SearchTrial, TrialState
from latentscape.parallel.cluster import Cluster

if TYPE_CHECKING:
    import optuna

FACTOR = 3
"""One in so many trials goes on after each round."""

ROUNDS = 9
"""The first round ends after one epoch in so many."""

_STOPPED, _FAILED, _SECONDS, _SEARCH, _OWN = "stopped", "failed", "seconds", "search", "own"
"""Attributes of trials, and of the study, in the storage."""

_WAIT = 60
"""Seconds that a process waits for the others of this machine, which use the same file."""


def load_optuna() -> Any:
    """Import Optuna, which says nothing of its own.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    module = require("optuna", "tune", "A search")
    # It logs what tables and progress show; of what goes wrong it warns still.
    logging.getLogger("optuna").setLevel(logging.WARNING)
    return module


@dataclass(frozen=True)
class StoredJudge:
    """Tells the storage what a trial is worth, and asks it whether the trial lags behind.

    It can be sent to another process, or another machine that reaches the storage.

    Attributes
    ----------
    trial : optuna.Trial
        The trial.
    halves : bool
        Whether trials that lag behind stop at all.
    """

    trial: "optuna.Trial"
    halves: bool

    @property
    def has_stopped(self) -> bool:
        """Whether the trial was stopped before."""
        return _STOPPED in self.trial.user_attrs

    def tell(self, epoch: int, value: float) -> None:
        """Note what the trial is worth; an epoch that is trained again is known already."""
        if epoch not in self._stored.intermediate_values:
            self.trial.report(value, epoch)

    def stops(self) -> bool:
        """Decide, and note it: a search that is killed now does not ask again."""
        if not self.halves or not self.trial.should_prune():
            return False
        self.trial.set_user_attr(_STOPPED, True)
        return True

    @property
    def _stored(self) -> "optuna.trial.FrozenTrial":
        return self.trial.study.get_trials(deepcopy=False)[self.trial.number]


@dataclass(frozen=True)
class Asked:
    """A trial that is to be trained: its number, counted from 1, and its point."""

    number: int
    point: Changes
    judge: StoredJudge


class Trials:
    """All trials of a search.

    Parameters
    ----------
    url : str
        Of the storage, as SQLAlchemy writes it.
    name : str
        Of the search.
    space : mapping
        What points are chosen from.
    recipe : Recipe
        How trials are trained, but for that; its own point is tried first.
    halves : bool
        Whether trials that lag behind stop.
    key : mapping of str to str
        What the search is: trials of another are not mixed with these.

    Raises
    ------
    ConfigError
        If the storage cannot be reached.
    RunError
        If it holds the trials of another search under that name.
    """

    def __init__(
        self,
        url: str,
        name: str,
        space: Mapping[str, Dimension],
        recipe: Recipe,
        *,
        halves: bool,
        key: Mapping[str, str],
    ) -> None:
        self._optuna = load_optuna()
        self._space, self._seed, self._halves = space, recipe.train.seed, halves
        pruner = self._optuna.pruners.SuccessiveHalvingPruner(
            min_resource=first_round(recipe), reduction_factor=FACTOR
        )
        with _reaching(url):
            self._study = self._optuna.create_study(
                storage=self._storage(url), study_name=name, pruner=pruner, load_if_exists=True
            )
            self._check_key(name, key)
            if not self._all:
                self._try_first(recipe)

    def unfinished(self) -> Iterator[Asked]:
        """Yield the trials that ran when the search ended, to go on with them."""
        running = (self._optuna.trial.TrialState.RUNNING,)
        for stored in self._study.get_trials(deepcopy=False, states=running):
            self._study.sampler = self._sampler(stored.number)
            yield self._asked(self._optuna.Trial(self._study, stored._trial_id))

    def new(self, count: int) -> Iterator[Asked]:
        """Yield new trials, each chosen by what is known by then, until there are so many."""
        while self._n_begun < count:
            self._study.sampler = self._sampler(self._n_begun)
            yield self._asked(self._study.ask())

    def finish(self, trial: Asked, value: float | None, seconds: float, message: str = "") -> None:
        """Note the end of a trial: without a value it was stopped, or has failed."""
        states = self._optuna.trial.TrialState
        trial.judge.trial.set_user_attr(_SECONDS, seconds)
        if message:
            trial.judge.trial.set_user_attr(_FAILED, message)
        # What failed is worse than what finished: points near it are avoided.
        state = states.PRUNED if value is None else states.COMPLETE
        self._study.tell(trial.number - 1, value, state=state)

    @property
    def ended(self) -> tuple[SearchTrial, ...]:
        """The trials that have ended, in the order in which they began."""
        return tuple(_record(stored) for stored in self._all if stored.state.is_finished())

    @property
    def best(self) -> SearchTrial | None:
        """The finished trial of the lowest value; None before there is one."""
        finished = [trial for trial in self.ended if trial.value is not None]
        return min(finished, key=lambda trial: (trial.value, trial.number), default=None)

    @property
    def begins_with_own(self) -> bool:
        """Whether the first trial has the recipe's own settings."""
        return _OWN in self._study.user_attrs

    def importance(self) -> dict[str, float]:
        """Return the share of each setting in the differences between finished trials."""
        finished = [trial for trial in self.ended if trial.value is not None]
        if len(finished) < FEWEST or len({trial.value for trial in finished}) < 2:
            return {}
        shares: dict[str, float] = self._optuna.importance.get_param_importances(self._study)
        return shares

    def point(self, trial: SearchTrial) -> Changes:
        """Return the values of settings that a trial had."""
        return {path: self._space[path].value_of(key) for path, key in trial.params.items()}

    @property
    def _all(self) -> "list[optuna.trial.FrozenTrial]":
        return self._study.get_trials(deepcopy=False)  # type: ignore[no-any-return]

    @property
    def _n_begun(self) -> int:
        waiting = self._optuna.trial.TrialState.WAITING
        return sum(stored.state != waiting for stored in self._all)

    def _storage(self, url: str) -> Any:
        arguments = {"connect_args": {"timeout": _WAIT}} if url.startswith("sqlite") else {}
        return self._optuna.storages.RDBStorage(url, engine_kwargs=arguments)

    def _sampler(self, number: int) -> Any:
        seed = derive_seed(self._seed, "trial", number) % 2**32
        return self._optuna.samplers.TPESampler(seed=seed)

    def _asked(self, trial: "optuna.Trial") -> Asked:
        keys = {path: _suggest(trial, path, own) for path, own in self._space.items()}
        point = {path: self._space[path].value_of(key) for path, key in keys.items()}
        return Asked(trial.number + 1, point, StoredJudge(trial, self._halves))

    def _try_first(self, recipe: Recipe) -> None:
        """Begin with the recipe's own point, if the space holds it: it is what others are for."""
        content = recipe.model_dump(mode="json")
        own = {path: _setting(content, path) for path in self._space}
        if all(self._space[path].holds(value) for path, value in own.items()):
            keys = {path: self._space[path].key_of(value) for path, value in own.items()}
            self._study.enqueue_trial(keys)
            self._study.set_user_attr(_OWN, True)

    def _check_key(self, name: str, key: Mapping[str, str]) -> None:
        known: Json = self._study.user_attrs.get(_SEARCH, {})
        if not known:
            self._study.set_user_attr(_SEARCH, dict(key))
            return
        if others := [what for what in key if known.get(what) != key[what]]:
            raise RunError(
                f"There is a search {name} already, and it has another {' and '.join(others)}",
                expected="the same search, which goes on then",
                fix="Give another --name, or remove the old one: its folder, and its trials from a "
                "--storage elsewhere.",
            )


FEWEST = 5
"""Finished trials from which on it is said which settings matter."""


def first_round(recipe: Recipe) -> int:
    """Return the epochs after which the first trials are stopped.

    What warms up at the start of training says little of its end.
    """
    train, objective = recipe.train, recipe.objective
    warm = max(train.schedule.warmup, objective.settled_at)
    return max(1, min(train.epochs, max(train.epochs // ROUNDS, round(warm + 0.5) if warm else 1)))


def file_url(folder: Path) -> str:
    """Return the address of the storage in a folder."""
    return f"sqlite:///{(folder / 'trials.db').resolve().as_posix()}"


def check_shared(url: str, cluster: Cluster) -> None:
    """Refuse to keep trials of several machines in a file: locks of it do not hold between them.

    Raises
    ------
    ConfigError
        If it is one of SQLite, and nodes of the cluster are different machines.
    """
    machines = {node.address for node in cluster.nodes()}
    if url.startswith("sqlite") and len(machines) > 1:
        raise ConfigError(
            f"The trials are kept in a file of SQLite, and the cluster has {len(machines)} "
            "machines, which cannot write to one at the same time",
            expected="a server that all machines reach",
            fix="Give its address: --storage postgresql://user:password@host/name.",
        )


def space_text(space: Mapping[str, Dimension]) -> str:
    """Write a space so that two may be compared."""
    return json.dumps({path: own.model_dump(mode="json") for path, own in sorted(space.items())})


def _suggest(trial: "optuna.Trial", path: str, dimension: Dimension) -> Key:
    if not isinstance(dimension, Range):
        choice: Key = trial.suggest_categorical(path, dimension.keys)
        return choice
    low, high, step = dimension.low, dimension.high, dimension.step
    if dimension.whole:
        steps = 1 if dimension.log else int(step or 1)
        return trial.suggest_int(path, int(low), int(high), step=steps, log=dimension.log)
    return trial.suggest_float(path, low, high, step=step, log=dimension.log)


def _setting(content: Json, path: str) -> Any:
    value: Any = content
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _record(stored: "optuna.trial.FrozenTrial") -> SearchTrial:
    message = stored.user_attrs.get(_FAILED, "")
    state: TrialState = "stopped"
    if stored.state.name == "COMPLETE":
        state = "finished"
    elif message:
        state = "failed"
    return SearchTrial(
        number=stored.number + 1,
        state=state,
        params=stored.params,
        value=stored.value if state == "finished" else None,
        curve=tuple(value for _, value in sorted(stored.intermediate_values.items())),
        seconds=stored.user_attrs.get(_SECONDS, 0.0),
        message=message,
    )


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Say what is wrong with a storage, without the password in its address."""
    errors = require("sqlalchemy.exc", "tune", "A search")
    try:
        yield
    except (errors.SQLAlchemyError, ImportError, OSError) as error:
        reason = brief(getattr(error, "orig", None) or error)
        raise ConfigError(
            without_passwords(f"The trials cannot be kept in {url}: {reason}"),
            expected="a URL of a database, as in postgresql://user:password@host/name",
            fix="See whether it runs and its driver is installed, or leave --storage out.",
        ) from error
