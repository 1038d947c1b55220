"""Train, resume and evaluate: what a single run goes through."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from torch import nn

from latentscape.api.clusters import carry_out
from latentscape.api.finishing import describe_architecture, evaluate_run, finish_run
from latentscape.api.planning import Asked, resolve_with_data
from latentscape.api.preparing import (
    default_name,
    resolve,
)
from latentscape.api.together import begin_on_workers
from latentscape.config import Changes, InputConfig, Placement, Recipe, join_changes
from latentscape.core.errors import ConfigError
from latentscape.core.launched import was_relaunched
from latentscape.core.names import check_folder_name
from latentscape.core.runtime import choose_device
from latentscape.core.urls import refuse_url
from latentscape.model.own import check_offered, offering
from latentscape.runs import OpenRun, Run, RunFindings, load_run_split, open_run
from latentscape.runs.architecture import Architecture
from latentscape.terminal import shown
from latentscape.tracking.trackers import choose_trackers
from latentscape.training.extending import complete_extension, extend
from latentscape.training.hook import Hook, check_hooks
from latentscape.training.memory import network_to_describe
from latentscape.training.shards import check_workers
from latentscape.training.workers import joined

RUNS = Path("runs")
"""Where runs are kept unless another folder is given."""


def train(
    recipe: str | Path | Recipe | None = None,
    *,
    start_from: str | Path | Run | None = None,
    data: object = None,
    latent_dim: int | None = None,
    condition: Literal["label"] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    changes: Changes | None = None,
    as_published: bool = False,
    name: str | None = None,
    folder: str | Path = RUNS,
    device: str = "auto",
    overwrite: bool = False,
    track: str | Sequence[str] = (),
    hooks: Sequence[Hook] = (),
    quiet: bool = False,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    on: str = "local",
    workers: int = 1,
    gpus_per_worker: float = 0.0,
) -> Run:
    """Train a recipe, evaluate it on the test examples, and keep both in a run directory.

    Where this process is one of several of ``torchrun``, or of a process group of PyTorch, all of
    them train one run: each calls this function with the same arguments, and the recipe has
    ``train.shards``.

    Parameters
    ----------
    recipe : str, Path or Recipe, optional
        Name of a recipe, a YAML file, or a recipe itself; by default that of `start_from`.
    start_from : str, Path or Run, optional
        A finished run, or a model file: training begins with its weights, as far as their names
        and shapes are those of this model. ``run.start`` says which could not be taken.
    data : str, Path or data in memory, optional
        Name or path of the data, or a dataset in memory; by default what the recipe names.
    latent_dim : int, optional
        Length of the code.
    condition : str, optional
        ``label`` gives each example's label to encoder and decoder.
    epochs : int, optional
        Epochs to train.
    batch_size : int, optional
        Examples per step.
    lr : float, optional
        Learning rate.
    seed : int, optional
        Seed of weights, batches and dropout.
    changes : mapping, optional
        Any other setting, dotted path to value: ``{"train.weight_decay": 0.01}``.
    as_published : bool
        Whether the recipe is trained as its origin did, and not fitted to the number of examples;
        see `latentscape.config.fitting`.
    name : str, optional
        Name of the run; by default ``<recipe>-<data>-<seed>``, with the word ``tuned`` in it if the
        run has the recipe of `start_from`.
    folder : str or Path
        Where runs are kept.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    overwrite : bool
        Whether a run of that name is replaced.
    track : str or sequence of str
        Where the run is shown beside its directory: ``tensorboard``, ``mlflow``.
    hooks : sequence of Hook
        They follow training, and may change it; see `latentscape.Hook`.
    quiet : bool
        Whether progress is left unshown.
    encoder, decoder : nn.Module, optional
        Networks of your own, in place of the recipe's. An encoder takes scaled images (B, *shape)
        and gives features (B, ...); a decoder takes codes (B, latent_dim) and gives what the
        likelihood reads, (B, *shape): logits of pixels, mostly. Training starts from their weights,
        and does not change the objects themselves. Without a decoder, that of the recipe remains.
    on : str
        Where it trains: ``local``; ``ray``, a Ray cluster whose nodes all see `folder` and the
        data; or ``ray://HOST:PORT``, one elsewhere.
    workers : int
        Processes that train it together, of which each takes its share of every batch; the recipe
        has ``train.shards``. They are started by this call, and what it is given is sent to them. A
        script that asks for several has to keep what it does under
        ``if __name__ == "__main__":``, as `multiprocessing` says.
    gpus_per_worker : float
        GPUs that each asks for on a cluster.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.
    """
    if name is not None:
        _check_name(name)
    named = {
        "latent_dim": latent_dim,
        "condition": condition,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "seed": seed,
    }
    changes = join_changes(named, changes)
    check_hooks(hooks)
    refuse_url(folder, "A run that is trained")
    asked = Asked(recipe, start_from, data, changes, as_published, encoder, decoder)
    place = _Place(Path(folder), name, device, overwrite)
    work = partial(_train, asked, place, track=track, hooks=hooks, quiet=quiet)
    placement = Placement.of(on, workers=workers, gpus_per_worker=gpus_per_worker)
    return carry_out(work, placement, place.folder, asked.shards, quiet=quiet)


@dataclass(frozen=True)
class _Place:
    """Where a run is trained: folder and name of its directory, device, and what it may replace."""

    folder: Path
    name: str | None
    device: str
    overwrite: bool


def _train(
    asked: Asked, place: _Place, track: str | Sequence[str], hooks: Sequence[Hook], quiet: bool
) -> Run:
    """Train as one of the workers that this process belongs to, or alone."""
    device = place.device
    with joined(choose_device(device)) as workers:
        trackers = workers.each(lambda: choose_trackers(track))
        if workers.count > 1:
            workers.each(lambda: check_workers(asked.shards(), workers.count))
        plan = workers.each(asked.plan)
        path = place.folder / (place.name or default_name(plan.recipe, plan.split, plan.label))
        # Launchers count on each machine by itself how often they have begun anew.
        begin = plan.go_on if workers.some(was_relaunched) else plan.begin
        run = begin_on_workers(
            workers, plan.recipe, plan.split, path, lambda: begin(path, device, place.overwrite)
        )
        return finish_run(
            run,
            plan.split,
            device=device,
            quiet=quiet,
            trackers=trackers,
            hooks=hooks,
            workers=workers,
        )


def _check_name(name: str) -> None:
    try:
        check_folder_name(name)
    except ValueError as error:
        raise ConfigError(
            f"A run cannot be called so: {error}", fix="Give another --name."
        ) from error


def resume(
    run: str | Path | Run,
    *,
    epochs: int | None = None,
    data: object = None,
    device: str = "auto",
    track: str | Sequence[str] = (),
    hooks: Sequence[Hook] = (),
    quiet: bool = False,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    on: str = "local",
    workers: int = 1,
    gpus_per_worker: float = 0.0,
) -> Run:
    """Go on with a run from its last checkpoint: to its end, or to another number of epochs.

    On the CPU of the same machine the weights and losses that come out are, bit for bit, those of
    the same run left alone. With other `epochs` they are those of a run that was asked for as many
    from the start, if its learning rate does not depend on how many there are.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    epochs : int, optional
        How many there are to be in all, instead of the number in the recipe of the run; more than
        a finished run has. See `latentscape.training.extending.extend` for what follows.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device, quiet
        As for `train`.
    track : str or sequence of str
        As for `train`. What a tracker does not know yet of a run, even a finished one, it is told.
    encoder, decoder : nn.Module, optional
        As for `load`.
    hooks : sequence of Hook
        As for `train`. Those that change training have to be given again.
    on, workers, gpus_per_worker
        As for `train`.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    DataError
        If the data are no longer those the run began with.
    ConfigError, RunError, TrainingError
        As for `train`.
    """
    check_hooks(hooks)
    if not isinstance(run, Run):
        refuse_url(run, "A run that goes on")
    placement = Placement.of(on, workers=workers, gpus_per_worker=gpus_per_worker)
    work = partial(
        _resume,
        run,
        epochs=epochs,
        data=data,
        device=device,
        track=track,
        hooks=hooks,
        quiet=quiet,
        encoder=encoder,
        decoder=decoder,
    )
    folder = (run.path if isinstance(run, Run) else Path(run)).absolute().parent
    shards = partial(_shards_of, run)
    return carry_out(work, placement, folder, shards, quiet=quiet)


def _shards_of(run: str | Path | Run) -> int:
    return _opened(run).recipe.train.shards


def _opened(run: str | Path | Run) -> Run:
    return run if isinstance(run, Run) else open_run(run)


def _resume(
    run: str | Path | Run,
    *,
    epochs: int | None,
    data: object,
    device: str,
    track: str | Sequence[str],
    hooks: Sequence[Hook],
    quiet: bool,
    encoder: nn.Module | None,
    decoder: nn.Module | None,
) -> Run:
    """Go on as one of the workers that this process belongs to, or alone."""
    trackers = choose_trackers(track)
    with joined(choose_device(device)) as workers, offering(encoder, decoder):
        begun = workers.each(lambda: _opened(run))
        recipe = workers.each(lambda: begun.recipe)
        workers.each(lambda: check_workers(recipe.train.shards, workers.count))
        split = workers.each(lambda: load_run_split(begun, data))
        check_offered(recipe.model, encoder, decoder)
        begin_on_workers(workers, recipe, split, begun.path, lambda: _go_on(begun, epochs))
        return finish_run(
            begun,
            split,
            device=device,
            quiet=quiet,
            trackers=trackers,
            hooks=hooks,
            workers=workers,
        )


def _go_on(run: Run, epochs: int | None) -> Run:
    """Ask a run for another number of epochs, if there is one."""
    complete_extension(run)
    if epochs is not None:
        # What stands in the way says so before the model of fewer epochs is removed.
        network_to_describe(run.recipe.model, run.recipe.objective)
        extend(run, epochs)
    return run


def evaluate(
    run: str | Path | Run,
    *,
    data: object = None,
    device: str = "auto",
    quiet: bool = False,
) -> RunFindings:
    """Evaluate a finished run on its test examples, and keep the findings in its directory.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    data : str, Path or data in memory, optional
        The data that the run was trained on, where they were in memory or have moved.
    device : str
        As for `train`. Evaluation is in full float32 on every device.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    RunFindings
        All that is known about the run. What was measured on request before is still there.

    Raises
    ------
    RunError
        If the run is not finished or damaged.
    DataError
        If the data are no longer those the run was trained on.
    """
    with shown(quiet):
        opened = OpenRun(run, data=data, device=device)
        return evaluate_run(opened.run, opened.model, opened.split)


def describe_recipe(
    recipe: str | Path | Recipe,
    *,
    data: object = None,
    latent_dim: int | None = None,
    condition: Literal["label"] | None = None,
    changes: Changes | None = None,
    as_published: bool = False,
) -> tuple[Recipe, Architecture]:
    """Return a recipe and the layers it makes.

    Parameters
    ----------
    recipe, data, latent_dim, condition, changes, as_published
        As for `train`. Without data the layers are those for 28 x 28 grey images, and the recipe is
        as published.

    Returns
    -------
    recipe : Recipe
        Resolved.
    architecture : Architecture
        Layers with output shapes and parameters.
    """
    changes = join_changes({"latent_dim": latent_dim, "condition": condition}, changes)
    input_ = InputConfig(shape=(1, 28, 28), labels=10)
    if data is None:
        resolved = resolve(recipe, changes)
    else:
        resolved, split = resolve_with_data(recipe, changes, data, as_published)
        labels = len(split.dataset.label_names)
        input_ = InputConfig(shape=split.dataset.shape, labels=labels)
    config = resolved.model.model_copy(update={"input": input_})
    network = network_to_describe(config, resolved.objective)
    return resolved, describe_architecture(network, resolved)
