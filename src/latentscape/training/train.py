"""Training a recipe: `fit` with the hooks of a run, or with those of a training in memory."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import torch
from torch import Tensor

from latentscape.config import Recipe
from latentscape.core.errors import HookError, Interrupted, TrainingError
from latentscape.core.records import Split
from latentscape.model import Network
from latentscape.runs import SCHEMA, Run
from latentscape.runs.starting import EarlierModel
from latentscape.training.checkpoint import CheckpointFolder, CheckpointStore
from latentscape.training.conversation import OVER, Over, WorkerLost
from latentscape.training.fit import fit
from latentscape.training.hook import Hook
from latentscape.training.hooks.averaging import Averaging
from latentscape.training.hooks.checkpoints import Checkpoints, RollBack
from latentscape.training.hooks.collapse import Collapse
from latentscape.training.hooks.early_stopping import EarlyStopping
from latentscape.training.hooks.history import History, ModelFile, Ownership
from latentscape.training.hooks.logs import Logged
from latentscape.training.hooks.signals import Signals
from latentscape.training.hooks.snapshots import Snapshots
from latentscape.training.hooks.validation import Validation
from latentscape.training.hooks.vitals import Vitals
from latentscape.training.hooks.workers import Following, Leading
from latentscape.training.shards import check_workers
from latentscape.training.start import begin, load_batches, set_up
from latentscape.training.state import TrainState
from latentscape.training.workers import ALONE, Workers


class StoppedByHook(Interrupted):
    """Training that a hook has stopped, while nobody asked the process to stop."""


def train_run(
    run: Run,
    split: Split,
    device: torch.device,
    hooks: Sequence[Hook] = (),
    workers: Workers = ALONE,
) -> tuple[Network, TrainState]:
    """Train the model of a run, from its start or from its last checkpoint.

    The first of several workers does; the others go through `follow_run` meanwhile.

    Parameters
    ----------
    run : Run
        Receives checkpoints, history, snapshots and, at the end, the model.
    split : Split
        The examples.
    device : torch.device
        Where to train.
    hooks : sequence of Hook
        They follow training, and what they change is saved.
    workers : Workers
        Those that train it together.

    Returns
    -------
    network : Network
        The trained model, evaluating, on the training device.
    state : TrainState
        Where training stands.

    Raises
    ------
    TrainingError
        If the loss is still not finite after the last roll-back.
    HookError
        If a hook has raised an error; a checkpoint is saved.
    Interrupted
        If Ctrl-C or a termination signal came, or a hook stopped training, which then is
        `StoppedByHook`; a checkpoint is saved.
    RunError
        If something cannot be written, or another process owns the run; what was written before
        is still there.
    """
    snapshots = [Snapshots(run.snapshots, split)] if run.recipe.train.snapshots else []
    own = [Ownership(run), *hooks, *snapshots, History(run), ModelFile(run, split)]
    hint = f"It is saved. To go on: latentscape train --resume {run.path} "
    check_workers(run.recipe.train.shards, workers.count)
    with run.owned("trained"):
        # The same number of threads as at the start, or a resumed run would have other bits.
        threads, store = run.environment.threads, checkpoints_of(run)
        start = run.start if store.is_empty else None
        earlier = None if start is None else EarlierModel.of(start).weights
        network, state = train_recipe(
            run.recipe,
            split,
            device,
            store,
            own,
            workers,
            earlier=earlier,
            threads=threads,
            hint=hint,
        )
        if not run.finished:
            raise _stopped(run.recipe, state, hint, StoppedByHook)
        return network, state


def follow_run(
    run: Run, split: Split, device: torch.device, workers: Workers, hooks: Sequence[Hook] = ()
) -> None:
    """Train the model of a run together with a worker that goes through `train_run`.

    Nothing is written. It returns when that worker has ended training, for whatever reason.

    Parameters
    ----------
    run, split, device, workers
        As for `train_run`.
    hooks : sequence of Hook
        They follow training here too.

    Raises
    ------
    WorkerLost
        If another worker is gone.
    TrainingError
        If a hook stops training in this worker alone.
    """
    recipe = run.recipe
    check_workers(recipe.train.shards, workers.count)
    every = [Following(workers, checkpoints_of(run)), *hooks]
    with set_up(recipe.train, device, "model", threads=run.environment.threads), suppress(Over):
        loader = load_batches(recipe, split, device, workers)
        network = Network(recipe.model, recipe.objective).to(device)
        fit(network, network.objective, loader, recipe.train, every, workers=workers)
        # No step was left, or a hook has ended training here, as it has to everywhere.
        if workers.conversation.hear().kind != OVER:
            raise TrainingError(
                f"A hook has stopped training in worker {workers.rank}, and not in the first one",
                fix="Let hooks with `everywhere` do the same in each worker.",
            )


def train_recipe(
    recipe: Recipe,
    split: Split,
    device: torch.device,
    store: CheckpointStore,
    hooks: Sequence[Hook] = (),
    workers: Workers = ALONE,
    *,
    earlier: Mapping[str, Tensor] | None = None,
    threads: int | None = None,
    hint: str = "",
) -> tuple[Network, TrainState]:
    """Train the network of a recipe, from its start or from the newest checkpoint of a store.

    Parameters
    ----------
    recipe : Recipe
        Prepared for the split.
    split, device
        As for `train_run`.
    store : CheckpointStore
        Where training is saved.
    hooks : sequence of Hook
        They come after the hooks that measure, and before the one that saves.
    workers : Workers
        Those that train it together; `store` is a folder that all see.
    earlier : mapping of str to Tensor, optional
        Weights to begin with, as far as they fit.
    threads : int, optional
        How many; by default as many as there are.
    hint : str
        How to go on where training has stopped.

    Returns
    -------
    network, state
        As of `train_run`.

    Raises
    ------
    TrainingError, HookError, Interrupted
        As for `train_run`.
    """
    signals, averaging = Signals(workers), Averaging()
    measuring = [averaging, Validation(split), EarlyStopping(), Collapse(), Vitals(recipe, split)]
    saving = [averaging.end_of_epoch, Checkpoints(store), Leading(workers, store)]
    every = [signals, RollBack(store), *measuring, Logged(store.name), *hooks, *saving]
    with workers.conversation.leading(), set_up(recipe.train, device, "model", threads=threads):
        loader = load_batches(recipe, split, device, workers)
        network = Network(recipe.model, recipe.objective).to(device)
        if store.is_empty:
            begin(network, recipe, split, loader.data, earlier)
        if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
            raise TrainingError("The initial weights are not finite", fix="Lower model.init.sd.")
        try:
            state = fit(network, network.objective, loader, recipe.train, every, workers=workers)
        except HookError as error:
            raise HookError(str(error), fix=hint) from error.__cause__
        except WorkerLost as error:
            raise WorkerLost(str(error), fix=hint) from error.__cause__
    if signals.received:
        raise _stopped(recipe, state, hint)
    return network, state


def _stopped(
    recipe: Recipe, state: TrainState, hint: str, kind: type[Interrupted] = Interrupted
) -> Interrupted:
    epochs = recipe.train.epochs
    return kind(f"Stopped in epoch {min(state.epoch + 1, epochs)} of {epochs}", fix=hint)


def checkpoints_of(run: Run) -> CheckpointFolder:
    """Return the checkpoints of a run."""
    identity = f"{SCHEMA}-{run.first_fingerprint}"
    return CheckpointFolder(run.checkpoints, lambda: run.owned("trained"), run.name, identity)
