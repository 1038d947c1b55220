"""The training loop: epochs, checkpoints, roll-back and early stopping, for any model.

Everything random is a function of the seed and of where training stands, or is saved with a
checkpoint; so a run that is killed and resumed makes the same bits as one left alone.
"""

import math
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from latentscape.core.errors import Interrupted, RunError, TrainingError
from latentscape.core.randomness import (
    derive_seed,
    forked_random,
    random_state,
    restore_random_state,
)
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, full_precision, synchronize, training_on
from latentscape.model import Network, Pass, evaluate_terms
from latentscape.training.batches import Batch, Batches, Examples, in_order
from latentscape.training.callbacks import Callback, Snapshots
from latentscape.training.checkpoint import Checkpoint, pack_optimizer, unpack_optimizer
from latentscape.training.optim import build_optimizer, learning_rate
from latentscape.training.step import TrainingStep
from latentscape.training.storage import Storage

MAX_ROLLBACKS = 3
PATIENCE_FOR_CODES = 3
"""Epochs in a row that a code goes unused before that is said."""


@dataclass
class Standing:
    """Where training stands: all that a resume needs and that is not a tensor.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    step : int
        Steps completed in the epoch after those.
    seconds : float
        Time spent so far in that epoch.
    rate_factor : float
        Halved by every roll-back.
    best_loss, best_epoch
        The lowest validation loss and when it was reached (early stopping only).
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    rate_factor: float = 1.0
    rollbacks: int = 0
    best_loss: float | None = None
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


class _Diverged(Exception):
    """The loss or a weight is no longer finite."""


class Trainer:
    """Trains the model of a run, from its start or from its last checkpoint.

    Parameters
    ----------
    storage : Storage
        Has the recipe; gets checkpoints, history, snapshots and, at the end, the model.
    split : Split
        The examples.
    device : torch.device
        Where to train.
    callbacks : sequence of Callback
        What watches.
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
        self.batches = Batches(
            self.examples,
            split.train,
            self.config.batch_size,
            self.config.seed,
            binarize=self.recipe.data.binarize == "dynamic",
        )
        self.standing = Standing()
        self.best_weights: dict[str, Tensor] = {}
        self.callbacks = list(callbacks)
        if self.config.snapshots and storage.snapshots:
            shown = next(in_order(self.examples, split.examples()))
            self.callbacks.append(Snapshots(storage.snapshots, shown, self.config))
        self._stop_asked = False

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
            If something cannot be written; what was written before still stands.
        """
        seed = derive_seed(self.config.seed, "model")
        with (
            forked_random(seed, self.device),
            # The same number of threads, or a run that goes on would come to other bits.
            training_on(self.precision, self.storage.threads),
            self._stop_on_signal(),
        ):
            self._build()
            name, examples = self.storage.name, len(self.split.train)
            self._tell("on_start", name, self.config, examples, self.standing.epoch)
            try:
                while not self._is_done():
                    self._epoch_or_roll_back()
            finally:
                self._tell("on_stop")
            model = self._finish()
            self._stop_if_asked()
            return model

    def _build(self) -> None:
        self.model = Network(self.recipe.model, self.recipe.objective).to(self.device)
        self.optimizer = build_optimizer(self.model, self.config)
        self.sums = self._zero_sums()
        checkpoint = self.storage.checkpoints.latest()
        if checkpoint is None and not self._is_finite():
            raise TrainingError("The initial weights are not finite", fix="Lower model.init.sd.")
        if checkpoint is None:
            self._save()  # Even the first epoch has something to roll back to.
        else:
            self._restore(checkpoint)
            self.storage.write_log(self.standing.history, self.standing.events)
        self.take_step = self._training_step()

    def _training_step(self) -> TrainingStep:
        return TrainingStep(self.model, self.optimizer, self.config, self.precision)

    def _is_done(self) -> bool:
        patience, standing = self.config.patience, self.standing
        waited = standing.epoch - standing.best_epoch
        return standing.epoch >= self.config.epochs or (patience is not None and waited >= patience)

    def _epoch_or_roll_back(self) -> None:
        try:
            self._train_epoch()
            self._end_epoch()
        except _Diverged:
            self._roll_back()

    def _train_epoch(self) -> None:
        self.model.train()
        standing = self.standing
        started = time.perf_counter() - standing.seconds
        save_at = time.monotonic() + self.config.checkpoint_seconds
        done = standing.step * self.config.batch_size
        for batch in self.batches.epoch(standing.epoch, first=standing.step):
            self._step(batch)
            standing.step += 1
            done += len(batch)
            self._tell("on_step", done)
            if self._stop_asked or time.monotonic() > save_at:
                standing.seconds = time.perf_counter() - started
                self._save()
                save_at = time.monotonic() + self.config.checkpoint_seconds
                self._stop_if_asked()
        synchronize(self.device)
        standing.seconds = time.perf_counter() - started

    def _step(self, batch: Batch) -> None:
        step = self.standing.step
        losses = self.take_step(batch, self._rate(step), self._epoch(step))
        self.sums.add_(losses, alpha=len(batch))

    def _epoch(self, step: int) -> float:
        """Return how many epochs have been trained before a step of the current one."""
        return self.standing.epoch + step / len(self.batches)

    def _rate(self, step: int) -> float:
        """Return the learning rate of a step of the current epoch."""
        return learning_rate(self.config, self._epoch(step)) * self.standing.rate_factor

    def _end_epoch(self) -> None:
        standing = self.standing
        means = _means(self.sums, self.batches.examples)
        self.model.eval()
        with full_precision():
            validation, latent = self._validate(), self._diagnose()
        if not self._is_finite() or (validation and not math.isfinite(validation["loss"])):
            raise _Diverged
        rate = self._rate(len(self.batches) - 1)
        standing.epoch += 1
        record = {
            "epoch": standing.epoch,
            "lr": rate,
            "seconds": standing.seconds,
            "images_per_second": self.batches.examples / standing.seconds,
            "train": dict(zip(["loss", *self.recipe.objective.weights], means, strict=True)),
            "validation": validation,
        }
        if latent:
            record["latent"] = latent
        standing.history.append(record)
        standing.step, standing.seconds, self.sums = 0, 0.0, self._zero_sums()
        self._keep_best(validation)
        self._note_collapse()
        with full_precision():  # What callbacks make of the model is looked at.
            self._tell("on_epoch", self.model, record)
        self.storage.write_log(standing.history, standing.events)
        self._save()
        if not self._is_done():
            self._stop_if_asked()

    def _validate(self) -> dict[str, float] | None:
        """Return the mean loss terms and the MSE per pixel over the validation examples."""
        if not len(self.split.validation):
            return None
        sums: Tensor | float = 0.0
        seed = derive_seed(self.config.seed, "validation")
        # The same codes and corruption after every epoch, so that luck decides nothing.
        with torch.no_grad(), forked_random(seed, self.device):
            for batch in in_order(self.examples, self.split.validation):
                result = self.model(batch.images, batch.labels)
                loss = evaluate_terms(result)
                mse = (self._mean_images(result, batch) - result.target).square().mean()
                values = torch.stack([loss.total, *loss.terms.values(), mse])
                sums = sums + values * len(batch)
        assert isinstance(sums, Tensor)
        names = ["loss", *self.recipe.objective.weights, "mse"]
        return dict(zip(names, _means(sums, len(self.split.validation)), strict=True))

    def _mean_images(self, result: Pass, batch: Batch) -> Tensor:
        """Return reconstructions that nothing was drawn for."""
        if self.model.draws:
            return self.model.reconstruct(batch.images, batch.labels)
        return self.model.likelihood.mean(result.output)

    def _diagnose(self) -> dict[str, float]:
        """Measure over a thousand held-out examples, or trained ones, whether codes are used."""
        split = self.split
        index = split.validation if len(split.validation) else split.train
        with torch.no_grad():
            batch = next(in_order(self.examples, index, size=1000))
            return self.model.diagnose(batch.images, batch.labels)

    def _note_collapse(self) -> None:
        """Say once that the code holds nothing; it may take some epochs to wake up."""
        recent = self.standing.history[-PATIENCE_FOR_CODES:]
        told = [self.model.collapse(record.get("latent", {})) for record in recent]
        early = len(told) < PATIENCE_FOR_CODES and not self._is_done()
        known = [event["what"] for event in self.standing.events]
        if all(told) and not early and told[-1] not in known:
            event = {"epoch": self.standing.epoch, "what": told[-1]}
            self.standing.events = [*self.standing.events, event]
            self._tell("on_event", event)

    def _keep_best(self, validation: dict[str, float] | None) -> None:
        if self.config.patience is None or validation is None:
            return
        best = self.standing.best_loss
        if best is None or validation["loss"] < best:
            self.standing.best_loss, self.standing.best_epoch = (
                validation["loss"],
                self.standing.epoch,
            )
            self.best_weights = {
                name: value.clone() for name, value in self.model.state_dict().items()
            }

    def _roll_back(self) -> None:
        """Return to the last end of an epoch with half the learning rate."""
        standing = self.standing
        if standing.rollbacks >= MAX_ROLLBACKS:
            raise TrainingError(
                f"The loss of {self.storage.name} became infinite or NaN in epoch "
                f"{standing.epoch + 1} again, after {MAX_ROLLBACKS} roll-backs with half the "
                "learning rate each",
                fix="Lower train.lr, set train.clip_norm, or look at the data's range.",
            )
        rate_factor, rollbacks, events = (
            standing.rate_factor / 2,
            standing.rollbacks + 1,
            standing.events,
        )
        checkpoint = self.storage.checkpoints.latest(epoch_end=True)
        assert checkpoint is not None
        self._restore(checkpoint)
        self.take_step = self._training_step()
        what = (
            f"loss became infinite or NaN; back to the end of epoch {self.standing.epoch}, with "
            f"the learning rate times {rate_factor:g} (roll-back {rollbacks} of {MAX_ROLLBACKS})"
        )
        event = {"epoch": self.standing.epoch + 1, "what": what}
        self.standing.rate_factor, self.standing.rollbacks = rate_factor, rollbacks
        self.standing.events = [*events, event]
        self._tell("on_event", event)
        self.storage.write_log(self.standing.history, self.standing.events)
        self._save()

    def _finish(self) -> Network:
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)
        labels = self.split.dataset.label_names
        self.storage.write_model(self.model.state_dict(), labels)
        return self.model.eval()

    def _save(self) -> None:
        """Write a checkpoint, unless something in it is not finite."""
        if not self._is_finite():
            raise _Diverged
        groups = {
            "model": self.model.state_dict(),
            "optimizer": pack_optimizer(self.optimizer),
            "best": self.best_weights,
            "random": random_state(self.device),
            "loss": {"sums": self.sums},
        }
        tensors = {
            f"{group}/{name}": value.detach().cpu()
            for group, values in groups.items()
            for name, value in values.items()
        }
        values = {**asdict(self.standing), "identity": self.storage.identity}
        self.storage.checkpoints.save(Checkpoint(tensors, values))

    def _restore(self, checkpoint: Checkpoint) -> None:
        values = dict(checkpoint.values)
        if values.pop("identity", None) != self.storage.identity:
            raise RunError(
                f"The checkpoints of {self.storage.name} are of another recipe, or another version",
                fix="Put recipe.yaml back as it was, or train anew under another --name.",
            )
        groups: dict[str, dict[str, Tensor]] = {}
        for path, value in checkpoint.tensors.items():
            group, name = path.split("/", 1)
            groups.setdefault(group, {})[name] = value
        self.model.load_state_dict(groups["model"])
        unpack_optimizer(self.optimizer, groups.get("optimizer", {}))
        self.best_weights = {
            name: value.to(self.device) for name, value in groups.get("best", {}).items()
        }
        self.sums = groups["loss"]["sums"].to(self.device)
        restore_random_state(groups["random"], self.device)
        self.standing = Standing(**values)

    def _is_finite(self) -> bool:
        values = [self.sums, *self.model.state_dict().values()]
        return all(bool(torch.isfinite(value).all()) for value in values)

    def _zero_sums(self) -> Tensor:
        """Return zeros for the loss and each term; double where the device has it."""
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.zeros(1 + len(self.recipe.objective.weights), dtype=dtype, device=self.device)

    def _stop_if_asked(self) -> None:
        if self._stop_asked:
            raise Interrupted(
                f"Stopped in epoch {min(self.standing.epoch + 1, self.config.epochs)} "
                f"of {self.config.epochs}",
                fix=self.storage.resume_hint,
            )

    @contextmanager
    def _stop_on_signal(self) -> Iterator[None]:
        """Finish the step, save, then stop when a signal asks; a second Ctrl-C stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: FrameType | None) -> None:
            if self._stop_asked and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._stop_asked = True

        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, ask) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _tell(self, hook: str, *arguments: object) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)


def _means(sums: Tensor, count: int) -> list[float]:
    """Divide on the CPU, because not every device has double precision."""
    means: list[float] = sums.cpu().double().div(count).tolist()
    return means
