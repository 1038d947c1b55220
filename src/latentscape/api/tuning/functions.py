"""Tuning: settings of a recipe are chosen by trials, and the best are a study of their own."""

from pathlib import Path

from latentscape.analyses.registry import choose_analyses
from latentscape.api.analyzing import analyze_runs
from latentscape.api.studies import folder_of_its_own
from latentscape.api.subjects import write_study
from latentscape.api.training import RUNS
from latentscape.api.tuning.plan import Plan
from latentscape.api.tuning.search import Searching
from latentscape.api.tuning.storage import file_url, load_optuna
from latentscape.config import (
    Changes,
    Placement,
    Recipe,
    SearchMetric,
    Study,
    StudyEntry,
    join_changes,
    load_recipe,
    load_study,
    names_study,
)
from latentscape.config.parts import SpaceText
from latentscape.core.errors import ConfigError
from latentscape.core.files import slug
from latentscape.core.urls import refuse_url
from latentscape.evaluation.study import StudyFindings
from latentscape.terminal import shown

TRIALS = 50
"""How many points are tried, unless another number is asked for."""


def tune(
    recipe: str | Path | Recipe | Study,
    space: SpaceText | None = None,
    *,
    trials: int | None = None,
    metric: SearchMetric | None = None,
    data: object = None,
    epochs: int | None = None,
    changes: Changes | None = None,
    as_published: bool = False,
    prune: bool = True,
    seeds: int | None = None,
    name: str | None = None,
    folder: str | Path = RUNS,
    storage: str | None = None,
    device: str = "auto",
    on: str = "local",
    jobs: int | None = None,
    gpus_per_worker: float = 0.0,
    quiet: bool = False,
) -> StudyFindings:
    """Search for good settings of a recipe, by trials that are compared on validation examples.

    Points of the space are chosen by a tree-structured Parzen estimator [1]_ of Optuna [3]_, from
    the recipe's own point on; trials that lag behind stop early, by successive halving [2]_. A
    search that was stopped or killed goes on: finished trials stay, and those that ran are resumed
    from their checkpoints. The best trial alone is evaluated on test examples, and keeps its
    weights.

    Parameters
    ----------
    recipe : str, Path, Recipe or Study
        What is searched in; or a study with a space.
    space : mapping, optional
        Dotted path to the values that it may have: ``{"train.lr": "log(1e-4, 1e-2)",
        "model.latent.dim": [8, 16, 32]}``; see `latentscape.config.space`.
    trials : int, optional
        How many there are in all, 50 by default. With more of them a search goes on.
    metric : str, optional
        What trials are compared by, on validation examples: ``loss``, in nats, the default;
        ``elbo``, the same quantity whatever terms weigh; ``mse``, per pixel, the default where an
        adversary makes losses incomparable.
    data, epochs, changes, as_published, device, quiet
        As for `train`; they hold for all trials.
    prune : bool
        Whether trials that lag behind are stopped.
    seeds : int, optional
        With how many seeds the best settings are trained in the end. All trials have the recipe's
        own seed, which also draws points.
    name : str, optional
        Name of the study and its directory; by default ``<recipe>-tuned-<data>``.
    folder : str or Path
        Where that directory is made. Trials stand in it.
    storage : str, optional
        URL of a database for the trials; by default a file of SQLite in the directory.
    on : str
        Where trials are trained; see `compare`.
    jobs : int, optional
        How many trials are trained at once, each in a process on its share of the cores; by default
        one, and on a cluster as many as it has room for. With one, the same call tries the same
        points. With more, points depend on which trials end first.
    gpus_per_worker : float
        GPUs that each trial asks for on a cluster.

    Returns
    -------
    StudyFindings
        ``members.search`` holds all trials; ``best.yaml`` in its ``folder`` is the best recipe.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.

    References
    ----------
    .. [1] Bergstra et al. (2011), Algorithms for hyper-parameter optimization.
    .. [2] Li et al. (2020), A system for massively parallel hyperparameter tuning.
    .. [3] Akiba et al. (2019), Optuna: a next-generation hyperparameter optimization framework.
    """
    jobs = 1 if jobs is None and on == "local" else jobs
    placement = Placement.of(on, jobs=jobs, gpus_per_worker=gpus_per_worker)
    refuse_url(folder, "A search")
    load_optuna()
    base, study = _describe(recipe, space or {}, name)
    plan = Plan.of(
        base,
        study.space,
        metric or study.metric,
        {**study.set, **study.entries[0].set, **join_changes({"epochs": epochs}, changes)},
        data,
        as_published=as_published or study.as_published,
    )
    analyses = choose_analyses(study.analysis) if study.analysis else ()
    path = Path(folder) / slug(name or f"{study.name}-{plan.split.dataset.name}")
    with shown(quiet), folder_of_its_own(path):
        searching = Searching(plan, path, storage or file_url(path), device, prune=prune)
        searching.run(trials or study.trials or TRIALS, placement)
        runs = searching.finish_best(seeds or study.seeds)
        dataset = None if isinstance(data, str | Path) else data
        analyze_runs([runs], analyses, data=dataset, device=device)
        return write_study(path, searching.members(study, runs))


def _describe(
    recipe: str | Path | Recipe | Study, space: SpaceText, name: str | None
) -> tuple[Recipe, Study]:
    """Return the recipe to search in, and the search as a study."""
    if isinstance(recipe, Study):
        study = recipe
    elif not isinstance(recipe, Recipe) and names_study(recipe):
        study = load_study(recipe)
    else:
        base = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        entry = StudyEntry(recipe=base.name)
        own = {"name": name or f"{base.name}-tuned", "space": dict(space)}
        return base, Study(entries=(entry,), about=base.about, origin=base.origin, **own)
    whole = {**study.model_dump(), "space": {**study.space, **space}, "name": name or study.name}
    if len(study.entries) > 1 or study.axes or study.variants:
        raise ConfigError(
            f"The study {study.name} compares several models",
            expected="one recipe to search in",
            fix="Give the recipe, or write a study of one entry with a space.",
        )
    return load_recipe(study.entries[0].recipe), Study.model_validate(whole)
