"""The training loop, for any model and any players. It knows no files: hooks do all the rest.

Everything random is either a function of the seed and of the position in training, or part of a
checkpoint. So a training that goes on from a checkpoint has the same bits as one that ran through.
"""

import time
from collections.abc import Sequence

from latentscape.config import AUTOENCODER, TrainConfig
from latentscape.core.runtime import full_precision, synchronize
from latentscape.model import Network, Objective
from latentscape.runs.facts import Epoch, Losses
from latentscape.training.hook import Hook, Training
from latentscape.training.loader import Batches
from latentscape.training.rates import learning_rate
from latentscape.training.state import Diverged, TrainState
from latentscape.training.workers import ALONE, Workers


def fit(
    model: Network,
    objective: Objective,
    loader: Batches,
    config: TrainConfig,
    hooks: Sequence[Hook] = (),
    state: TrainState | None = None,
    workers: Workers = ALONE,
) -> TrainState:
    """Train a model, from where it stands.

    The caller has seeded torch's generators, and set up the process by `training_on`.

    Parameters
    ----------
    model : Network
        On its device. It is evaluating in the end.
    objective : Objective
        What is minimised: that of the model. It names the players.
    loader : Batches
        The batches of each epoch.
    config : TrainConfig
        How weights move, and for how many epochs.
    hooks : sequence of Hook
        They follow training, in this order.
    state : TrainState, optional
        Where training stands; by default at its start.
    workers : Workers
        Those that train the same model; by default this process alone.

    Returns
    -------
    TrainState
        Where training stands in the end. Not all epochs are done where a hook has stopped it.

    Raises
    ------
    Diverged
        If losses or weights become infinite or NaN, and no hook knows what to do.
    HookError
        If a hook has raised an error.
    """
    state = state or TrainState()
    training = Training(model, objective, loader, config, hooks, state, workers)
    try:
        training.tell("on_start")
        while training.goes_on:
            try:
                _train_epoch(training)
            except Diverged:
                if not any(training.tell("on_divergence")):
                    raise
        if training.is_complete and training.failure is None:
            training.tell("on_end")
    finally:
        training.tell("on_stop")
        model.eval()
    if training.failure is not None:
        raise training.failure from training.failure.__cause__
    return training.state


def _train_epoch(training: Training) -> None:
    """Take the remaining steps of an epoch, and end it, unless a hook stops training before."""
    state, loader = training.state, training.loader
    training.model.train()
    begin = time.perf_counter() - state.seconds
    for batch in loader.epoch(state.epoch, first=state.step):
        losses = training.take_step(batch, training.epochs_before(state.step), state.rate_factor)
        training.losses = losses
        training.sums.add_(losses, alpha=len(batch))
        state.step += 1
        state.seconds = time.perf_counter() - begin
        training.tell("on_step")
        if not training.goes_on:
            training.tell("on_pause")
            return
    synchronize(training.model.device)
    state.seconds = time.perf_counter() - begin
    _end_epoch(training)


def _end_epoch(training: Training) -> None:
    """Record an epoch whose steps have all been taken."""
    training.check_finite()
    state, examples = training.state, training.loader.examples
    # On the CPU, because not every device has double precision.
    loss, *terms = training.sums.cpu().double().div(examples).tolist()
    rate = learning_rate(
        training.config.of(AUTOENCODER), training.epochs_before(len(training.loader) - 1)
    )
    epoch = Epoch(
        epoch=state.epoch + 1,
        lr=rate * state.rate_factor,
        seconds=state.seconds,
        images_per_second=examples / state.seconds,
        train=Losses(loss=loss, terms=dict(zip(training.objective.names, terms, strict=True))),
        validation=None,
    )
    state.history.append(epoch)
    state.epoch, state.step, state.seconds = state.epoch + 1, 0, 0.0
    training.sums.zero_()
    training.model.eval()
    with full_precision():
        training.tell("on_epoch")
