"""The training loop: epochs, checkpoints, roll-back and early stopping, for any model.

Everything random is either a function of the seed and of the position in training, or saved with
each checkpoint. So a run that is killed and resumed has the same bits as one that ran through.
"""

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from latentscape.config import AUTOENCODER
from latentscape.core.errors import Interrupted, RunError, TrainingError
from latentscape.core.randomness import (
    derive_seed,
    forked_random,
    random_state,
    restore_random_state,
)
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, full_precision, synchronize, training_on
from latentscape.model import Network
from latentscape.runs.facts import CodeUse, CollapseKind, Epoch, Event, Losses
from latentscape.training.callbacks import Callback, Snapshots
from latentscape.training.checkpoint import Checkpoint, pack_optimizers, unpack_optimizers
from latentscape.training.engine import choose_engine
from latentscape.training.interrupts import StopRequest
from latentscape.training.loader import Batch, Examples, Loader
from latentscape.training.logs import Logged
from latentscape.training.optim import build_optimizers, learning_rate
from latentscape.training.start import begin
from latentscape.training.state import TrainState
from latentscape.training.step import TrainingStep
from latentscape.training.storage import Storage
from latentscape.training.validation import diagnose, diagnosed, means, validate
from latentscape.training.vitals import Vitals

MAX_ROLLBACKS = 3
PATIENCE_FOR_CODES = 3
"""Epochs in a row without any use of the code after which it counts as collapsed."""


class _Diverged(Exception):
    """The loss or a weight is no longer finite."""


class Trainer:
    """Trains the model of a run, from its start or from its last checkpoint.

    Parameters
    ----------
    storage : Storage
        Has the recipe; receives checkpoints, history, snapshots and, at the end, the model.
    split : Split
        The examples.
    device : torch.device
        Where to train.
    callbacks : sequence of Callback
        They follow training.
    """

    def __init__(
        self,
        storage: Storage,
        split: Split,
        device: torch.device,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.storage, self.recipe, self.split, self.device = storage, storage.recipe, split, device
        self.config = self.recipe.train
        self.precision = choose_precision(self.config.precision, device)
        self.examples = Examples(split.dataset, device)
        self.loader = Loader(
            self.examples,
            split.train,
            self.config.batch_size,
            self.config.seed,
            binarize=self.recipe.data.binarize == "dynamic",
        )
        self.diagnosed = diagnosed(split)
        self.vitals = Vitals(self.recipe, self.examples, split)
        self.state = TrainState()
        self.best_weights: dict[str, Tensor] = {}
        self.callbacks = [Logged(), *callbacks]
        if self.config.snapshots and storage.snapshots:
            self.callbacks.append(Snapshots(storage.snapshots, self.examples, split, self.config))
        self.stop = StopRequest()

    def fit(self) -> Network:
        """Train to the end and write the model file.

        Returns
        -------
        Network
            The trained model, evaluating, on the training device.

        Raises
        ------
        TrainingError
            If the loss is still not finite after the last roll-back.
        Interrupted
            If Ctrl-C or a termination signal came; a checkpoint is saved.
        RunError
            If something cannot be written, or another process owns the run; what was written before
            is still there.
        """
        seed = derive_seed(self.config.seed, "model")
        # The same number of threads as at the start, or a resumed run would have other bits.
        threads = self.storage.threads
        keep_memory = choose_engine(self.config.engine).keeps_memory
        with (
            self.storage.owned(),
            forked_random(seed, self.device),
            training_on(self.precision, threads, keep_memory=keep_memory),
            self.stop.listening(),
        ):
            self._build()
            self._train()
            model = self._finish()
            self._stop_if_requested()
            return model

    def _build(self) -> None:
        self.model = Network(self.recipe.model, self.recipe.objective).to(self.device)
        self.optimizers = build_optimizers(self.model.players(), self.config)
        self.sums = self._zero_sums()
        checkpoint = self.storage.checkpoints.latest()
        if checkpoint is not None:
            self._restore(checkpoint)
            self._write_log()
        else:
            self._begin()
        self.take_step = self._training_step()

    def _begin(self) -> None:
        """Save the initial weights, so that the first epoch has something to roll back to."""
        begin(self.model, self.recipe, self.split, self.examples, self.storage.earlier_weights())
        if not self._is_finite():
            raise TrainingError("The initial weights are not finite", fix="Lower model.init.sd.")
        self._save()

    def _training_step(self) -> TrainingStep:
        return TrainingStep(self.model, self.optimizers, self.config, self.precision)

    def _train(self) -> None:
        name, examples = self.storage.name, len(self.split.train)
        self._notify("on_start", name, self.config, examples, self.state.epoch)
        try:
            while not self._is_done():
                self._epoch_or_roll_back()
        finally:
            self._notify("on_stop")

    def _is_done(self) -> bool:
        patience, state = self.config.patience, self.state
        waited = state.epoch - state.best_epoch
        return state.epoch >= self.config.epochs or (patience is not None and waited >= patience)

    def _epoch_or_roll_back(self) -> None:
        try:
            self._train_epoch()
            self._end_epoch()
        except _Diverged:
            self._roll_back()

    def _train_epoch(self) -> None:
        """Take the remaining steps of an epoch, and save from time to time."""
        self.model.train()
        state = self.state
        begin = time.perf_counter() - state.seconds
        save_at = time.monotonic() + self.config.checkpoint_seconds
        examples = state.step * self.config.batch_size
        for batch in self.loader.epoch(state.epoch, first=state.step):
            self._step(batch)
            state.step += 1
            examples += len(batch)
            self._notify("on_step", examples)
            if self.stop.received or time.monotonic() > save_at:
                state.seconds = time.perf_counter() - begin
                self._save()
                save_at = time.monotonic() + self.config.checkpoint_seconds
                self._stop_if_requested()
        synchronize(self.device)
        state.seconds = time.perf_counter() - begin

    def _step(self, batch: Batch) -> None:
        step = self.state.step
        losses = self.take_step(batch, self._epochs_before(step), self.state.rate_factor)
        self.sums.add_(losses, alpha=len(batch))

    def _epochs_before(self, step: int) -> float:
        """Return the (fractional) number of epochs before a step of the current one."""
        return self.state.epoch + step / len(self.loader)

    def _rate(self, step: int) -> float:
        """Return the autoencoder's learning rate at a step of the current epoch."""
        return (
            learning_rate(self.config.of(AUTOENCODER), self._epochs_before(step))
            * self.state.rate_factor
        )

    def _end_epoch(self) -> None:
        """Measure, record and save an epoch whose steps have all been taken."""
        epoch = self._measure_epoch()
        state = self.state
        state.history.append(epoch)
        state.step, state.seconds, self.sums = 0, 0.0, self._zero_sums()
        self._keep_best(epoch.validation)
        self._note_collapse()
        with full_precision():
            for event in self.vitals.symptoms(self.model, state):
                self._add_event(event)
        with self.storage.owned(), full_precision():  # Callbacks evaluate the model, and write.
            self._notify("on_epoch", self.model, epoch)
        self._write_log()
        self._save()
        if not self._is_done():
            self._stop_if_requested()

    def _measure_epoch(self) -> Epoch:
        """Count the epoch, and return its record; raise `_Diverged` if its end is not finite."""
        loss, *terms = means(self.sums, self.loader.examples)
        self.model.eval()
        with full_precision():
            index, seed = self.split.validation, self.config.seed
            validation = validate(self.model, self.examples, index, seed)
            latent = diagnose(self.model, self.examples, self.diagnosed)
        if not self._is_finite() or (validation and not math.isfinite(validation.loss)):
            raise _Diverged
        rate = self._rate(len(self.loader) - 1)
        self.state.epoch += 1
        seconds, names = self.state.seconds, self.model.objective.names
        return Epoch(
            epoch=self.state.epoch,
            lr=rate,
            seconds=seconds,
            images_per_second=self.loader.examples / seconds,
            train=Losses(loss=loss, terms=dict(zip(names, terms, strict=True))),
            validation=validation,
            latent=latent,
        )

    def _note_collapse(self) -> None:
        """Report once that the code holds nothing.

        A code may need some epochs to wake up. At the end of training there is no more to wait for.
        """
        recent = [epoch.latent for epoch in self.state.history[-PATIENCE_FOR_CODES:]]
        kinds = [self._collapse(use) for use in recent]
        if len(kinds) < PATIENCE_FOR_CODES and not self._is_done():
            return
        known = [event.collapse for event in self.state.events]
        if all(kinds) and kinds[-1] not in known:
            epoch, latent_dim = self.state.epoch, self.model.latent_dim
            kind = kinds[-1]
            self._add_event(
                Event(epoch=epoch, kind="collapse", collapse=kind, latent_dim=latent_dim)
            )

    def _collapse(self, use: CodeUse | None) -> CollapseKind | None:
        return None if use is None else self.model.collapse(use.model_dump(exclude_none=True))

    def _keep_best(self, validation: Losses | None) -> None:
        if self.config.patience is None or validation is None:
            return
        loss, state = validation.loss, self.state
        if state.best_loss is None or loss < state.best_loss:
            state.best_loss, state.best_epoch = loss, state.epoch
            weights = self.model.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}

    def _roll_back(self) -> None:
        """Return to the end of the last finite epoch with half the learning rate."""
        diverged = self.state
        if diverged.rollbacks >= MAX_ROLLBACKS:
            raise TrainingError(
                f"The loss of {self.storage.name} became infinite or NaN in epoch "
                f"{diverged.epoch + 1} again, after {MAX_ROLLBACKS} roll-backs with half the "
                "learning rate each",
                fix="Lower train.lr, set train.clip_norm, or look at the data's range.",
            )
        checkpoint = self.storage.checkpoints.latest(epoch_end=True)
        if checkpoint is None:
            raise RunError(
                f"The checkpoint of {self.storage.name} that training would go back to is gone",
                fix="Train anew, and leave the folder of checkpoints alone.",
            )
        self._restore(checkpoint)
        # The checkpoint may be older than earlier roll-backs and events.
        self.state.rate_factor = diverged.rate_factor / 2
        self.state.rollbacks = diverged.rollbacks + 1
        self.state.events = diverged.events
        # Replayed steps read the optimizer's old tensors, which `_restore` has replaced.
        self.take_step = self._training_step()
        self._add_event(self._rollback_event())
        self._write_log()
        self._save()

    def _rollback_event(self) -> Event:
        state = self.state
        return Event(
            epoch=state.epoch + 1,
            kind="rollback",
            back_to=state.epoch,
            rate_factor=state.rate_factor,
            rollback=state.rollbacks,
            max_rollbacks=MAX_ROLLBACKS,
        )

    def _add_event(self, event: Event) -> None:
        self.state.events = [*self.state.events, event]
        self._notify("on_event", event)

    def _finish(self) -> Network:
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)
        labels = self.split.dataset.label_names
        self.storage.write_model(self.model.state_dict(), labels)
        return self.model.eval()

    def _write_log(self) -> None:
        self.storage.write_log(self.state.history, self.state.events)

    def _save(self) -> None:
        """Write a checkpoint, unless something in it is not finite."""
        if not self._is_finite():
            raise _Diverged
        groups = {
            "model": self.model.state_dict(),
            "optimizer": pack_optimizers(self.optimizers),
            "best": self.best_weights,
            "random": random_state(self.device),
            "loss": {"sums": self.sums},
        }
        self.storage.checkpoints.save(Checkpoint(groups, self.state, self.storage.identity))

    def _restore(self, checkpoint: Checkpoint) -> None:
        checkpoint.check(self.storage.identity, self.storage.name)
        groups = checkpoint.groups
        self.model.load_state_dict(groups["model"])
        unpack_optimizers(self.optimizers, groups.get("optimizer", {}))
        best = groups.get("best", {})
        self.best_weights = {name: value.to(self.device) for name, value in best.items()}
        self.sums = groups["loss"]["sums"].to(self.device)
        restore_random_state(dict(groups["random"]), self.device)
        self.state = checkpoint.state

    def _is_finite(self) -> bool:
        values = [self.sums, *self.model.state_dict().values()]
        return all(bool(torch.isfinite(value).all()) for value in values)

    def _zero_sums(self) -> Tensor:
        """Return zeros for the loss and each term, in double precision where the device has it."""
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.zeros(1 + len(self.model.objective.names), dtype=dtype, device=self.device)

    def _stop_if_requested(self) -> None:
        if self.stop.received:
            raise Interrupted(
                f"Stopped in epoch {min(self.state.epoch + 1, self.config.epochs)} "
                f"of {self.config.epochs}",
                fix=self.storage.resume_hint,
            )

    def _notify(self, hook: str, *arguments: object) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)
