"""A training as it stands, and the base of all hooks, which follow it and may change it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from latentscape.config import TrainConfig
from latentscape.core.errors import ConfigError, HookError
from latentscape.core.randomness import random_state, restore_random_state
from latentscape.core.runtime import choose_precision
from latentscape.model import Network, Objective
from latentscape.runs.facts import CodeUse, Epoch, Event, Losses
from latentscape.training.checkpoint import Checkpoint, pack_optimizers, unpack_optimizers
from latentscape.training.loader import Batch, Batches
from latentscape.training.optimizers import build_optimizers
from latentscape.training.sharded_step import ShardedStep
from latentscape.training.state import Diverged, TrainState
from latentscape.training.step import TrainingStep
from latentscape.training.workers import Workers

CAPTURED_FROM = 40
"""Steps from which on it pays to capture them."""


GROUPS = ("model", "optimizer", "random", "loss", "best", "average")
"""What checkpoints hold without hooks of a user."""


class Hook:
    """Follows a training; here nothing is done about anything.

    Hooks are called in the order in which they are listed. A hook sees the training as it stands,
    and may change it: the weights in ``training.model``, say, or its end, by ``training.stop()``.
    A hook that raises an error stops training as Ctrl-C does: at once, and saved.

    Attributes
    ----------
    essential : bool
        Whether its errors end training as they are, as those of all hooks of this package do.
    everywhere : bool
        Whether each of several workers has it, as one needs that changes weights; the others, which
        look, print or write, follow training on the first worker alone.
    group : str
        Under which name checkpoints hold what `on_save` returns.
    """

    essential = False
    everywhere = False
    group = ""

    def on_start(self, training: "Training") -> None:
        """Follow the start of training, or its resumption after ``training.state.epoch`` epochs."""

    def on_step(self, training: "Training") -> None:
        """Follow a step; ``training.losses`` are its loss, its terms and those of adversaries."""

    def on_pause(self, training: "Training") -> None:
        """Follow a stop within an epoch, for whatever reason; a resume goes on from here."""

    def on_epoch(self, training: "Training") -> None:
        """Follow an epoch; ``training.last_epoch`` is its record. The model is evaluating."""

    def on_event(self, training: "Training", event: Event) -> None:
        """Hear of something that went wrong; training goes on."""

    def on_divergence(self, training: "Training") -> bool:
        """Mend losses or weights that are infinite or NaN; return whether training can go on."""
        return False

    def on_end(self, training: "Training") -> None:
        """Follow the end of training, after which no more epochs are needed."""

    def on_stop(self, training: "Training") -> None:
        """Clean up, for whatever reason training stops."""

    def on_save(self, training: "Training") -> Mapping[str, Tensor]:
        """Return tensors that a resume needs; the next step may write over them."""
        return {}

    def on_restore(self, training: "Training", tensors: Mapping[str, Tensor]) -> None:
        """Take back what `on_save` returned; the tensors are on the CPU."""


class Training:
    """A training as it stands: what hooks see, and may change.

    Parameters
    ----------
    model, objective, loader, config, hooks, state, workers
        As for `latentscape.training.fit.fit`.

    Attributes
    ----------
    losses : Tensor
        (1 + names,) of the last step: the loss, and all that ``objective.names`` lists; NaN before
        the first one, also of a resumption.
    sums : Tensor
        The same, summed over the examples of this epoch so far.
    optimizers : dict of str to Optimizer
        Of each player.
    take_step : callable
        Takes the next step: from a batch, the epochs before it and a factor of the rate to losses.
    failure : HookError or None
        Why a hook has failed.
    """

    take_step: Callable[[Batch, float, float], Tensor]
    failure: HookError | None

    def __init__(
        self,
        model: Network,
        objective: Objective,
        loader: Batches,
        config: TrainConfig,
        hooks: Sequence[Hook],
        state: TrainState,
        workers: Workers,
    ) -> None:
        self.model, self.objective, self.loader = model, objective, loader
        self.config, self.hooks, self.state = config, hooks, state
        self.workers, self.failure = workers, None
        self._stops = self._is_over = False
        model.freeze(config.frozen)
        self.optimizers = build_optimizers(objective.players(model), config)
        # In double precision where the device has it.
        dtype = torch.float32 if model.device.type == "mps" else torch.float64
        self.sums = torch.zeros(1 + len(objective.names), dtype=dtype, device=model.device)
        self.losses = torch.full(self.sums.shape, torch.nan, device=model.device)
        self.prepare_step()

    @property
    def is_complete(self) -> bool:
        """Whether all epochs have been trained, or a hook knows that no more are needed."""
        has_ended = self._is_over and self.state.step == 0
        return has_ended or self.state.epoch >= self.config.epochs

    @property
    def goes_on(self) -> bool:
        """Whether there is another step."""
        return not (self._stops or self.failure or self.is_complete)

    @property
    def last_epoch(self) -> Epoch:
        """The record of the last epoch that has ended."""
        return self.state.history[-1]

    def stop(self) -> None:
        """Stop after this step, or this epoch, once hooks have saved it; a resume goes on."""
        self._stops = True

    def end(self) -> None:
        """End after this epoch, as if there were no more of them."""
        self._is_over = True

    def epochs_before(self, step: int) -> float:
        """Return the (fractional) number of epochs before a step of the current one."""
        return self.state.epoch + step / len(self.loader)

    def record(self, validation: Losses | None, latent: CodeUse | None) -> None:
        """Add what was measured on held-out examples to the record of the last epoch."""
        update = {"validation": validation, "latent": latent}
        self.state.history[-1] = self.last_epoch.model_copy(update=update)

    def add_event(self, event: Event) -> None:
        """Record that something went wrong, and tell all hooks."""
        self.state.events = [*self.state.events, event]
        self.tell("on_event", event)

    def check_finite(self) -> None:
        """Raise `Diverged` unless all weights, and the losses of this epoch, are finite."""
        values = [self.sums, *self.model.state_dict().values()]
        if not all(bool(torch.isfinite(value).all()) for value in values):
            raise Diverged(
                "The loss or a weight became infinite or NaN",
                fix="Lower train.lr, set train.clip_norm, or look at the data's range.",
            )

    def tell(self, event: str, *arguments: object) -> list[Any]:
        """Call a method of every hook, and return what each returns.

        A hook that fails stops training; the others still hear of this event, so that they save it.
        """
        results = []
        for hook in self.hooks:
            try:
                results.append(getattr(hook, event)(self, *arguments))
            except Exception as error:
                if hook.essential:
                    raise
                self.failure = self.failure or _failure(hook, event, self.state, error)
        return results

    def checkpoint(self, identity: str) -> Checkpoint:
        """Return all that an exact resume needs; nothing is copied."""
        groups = {
            "model": self.model.state_dict(),
            "optimizer": pack_optimizers(self.optimizers),
            "random": random_state(self.model.device),
            "loss": {"sums": self.sums},
        }
        own = {hook.group: _saved(hook, self) for hook in self.hooks if hook.group}
        return Checkpoint({**groups, **own}, self.state, identity)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back, or on, to a checkpoint."""
        groups = checkpoint.groups
        self.model.load_state_dict(dict(groups["model"]))
        unpack_optimizers(self.optimizers, groups.get("optimizer", {}))
        self.sums = groups["loss"]["sums"].to(self.model.device)
        restore_random_state(dict(groups["random"]), self.model.device)
        self.state = checkpoint.state
        for hook in self.hooks:
            if hook.group:
                with _naming(hook, "on_restore", self.state):
                    hook.on_restore(self, groups.get(hook.group, {}))
        self.prepare_step()

    def prepare_step(self, captured: bool = True) -> None:
        """Make the next step anew; replayed ones read the tensors that were there before.

        With `captured` the engine may capture steps.
        """
        precision = choose_precision(self.config.precision, self.model.device)
        steps = (self.config.epochs - self.state.epoch) * len(self.loader)
        parts = (self.model, self.objective, self.optimizers, self.config, precision)
        captured = captured and steps >= CAPTURED_FROM
        if self.config.shards == 1:
            self.take_step = TrainingStep(*parts, captured)
        else:
            self.take_step = ShardedStep(*parts, self.workers, captured)


def _saved(hook: Hook, training: Training) -> Mapping[str, Tensor]:
    """Return what a hook keeps in checkpoints, once it is sure that they can hold it."""
    with _naming(hook, "on_save", training.state):
        tensors = hook.on_save(training)
        for name, value in tensors.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"{name} is a {type(value).__name__}, and has to be a tensor")
    return tensors


@contextmanager
def _naming(hook: Hook, event: str, state: TrainState) -> Iterator[None]:
    """Raise errors as those of the hook; without what it keeps, nothing can be saved or resumed."""
    try:
        yield
    except Exception as error:
        if hook.essential:
            raise
        raise _failure(hook, event, state, error) from error


def _failure(hook: Hook, event: str, state: TrainState, error: Exception) -> HookError:
    place = (
        f"step {state.step} of epoch {state.epoch + 1}" if state.step else f"epoch {state.epoch}"
    )
    failure = HookError(
        f"The hook {type(hook).__name__} failed in {event}, after {place}, with "
        f"{type(error).__name__}: {error}",
        fix="Mend the hook, or train without it.",
    )
    failure.__cause__ = error
    return failure


def check_hooks(hooks: Sequence[object]) -> None:
    """Refuse anything else than hooks, before it is too late to mend it.

    Raises
    ------
    ConfigError
        If one of them is a class, say, or a function; or if its tensors would take the place of
        others in checkpoints.
    """
    groups = list(GROUPS)
    for hook in hooks:
        if not isinstance(hook, Hook):
            raise ConfigError(
                f"hooks has {hook!r}, which is no hook",
                expected="objects of a class that is derived from latentscape.Hook",
                fix=f"Give {hook.__name__}()." if isinstance(hook, type) else "",
            )
        if hook.group in groups or "/" in hook.group:
            raise ConfigError(
                f"The hook {type(hook).__name__} keeps its tensors under the name {hook.group!r}",
                expected=f"a group without '/', and none of {', '.join(groups)}",
                fix="Give each hook a group of its own.",
            )
        groups += filter(None, [hook.group])
