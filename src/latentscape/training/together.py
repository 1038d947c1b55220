"""Trainings of models of one shape that take their steps together.

Each of them is an ordinary `fit` in a thread of its own: its loop, its hooks, its checkpoints, its
history and its end are its own. Only its steps are not. It hands in a batch and waits until all
trainings that go on have done so, and one step for all of them has been taken.

Threads take turns. All of them want torch's global generators, and whoever waits for a step lends
them to the others; so nothing else runs at the same time.
"""

import signal
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from types import FrameType
from typing import Self

import torch
from torch import Tensor

from latentscape.core.progress import stage
from latentscape.core.randomness import (
    random_state,
    restore_random_state,
    using_generators,
)
from latentscape.runs.facts import Event
from latentscape.training.engine.stacking import (
    Draw,
    DrawnBatch,
    NotStackable,
    StackedStep,
    note_draws,
    stand_alone,
)
from latentscape.training.hook import Hook, Training
from latentscape.training.hooks.signals import hearing_signals
from latentscape.training.loader import Batch
from latentscape.training.step import TrainingStep


def train_together(
    name: str, trainings: Sequence[Callable[[Hook], object]], device: torch.device
) -> list[Exception | None]:
    """Train several models of one shape, and take their steps together.

    What each training comes to is, within rounding, what it would come to alone.

    Parameters
    ----------
    name : str
        What all of them are, for people.
    trainings : sequence of callable
        Each trains a model with the hook that it is given, in a thread of its own. They may differ
        in what stands in ``train``, but not in how a step is taken: batch size, shards, parts that
        are added up, precision, engine and frozen weights.
    device : torch.device
        Where.

    Returns
    -------
    list of Exception or None
        What each has raised.

    Raises
    ------
    KeyboardInterrupt
        At a second Ctrl-C.
    """
    together, process = _Together(len(trainings), device), _Process.now(device)
    errors: list[Exception | None] = [None] * len(trainings)

    def train(place: int) -> None:
        hook = together.hooks[place]
        try:
            with together.turn:
                trainings[place](hook)
        except Exception as error:  # noqa: BLE001 - it is raised where all have ended.
            errors[place] = error
        finally:
            together.leave(hook)

    try:
        with stage(name, len(trainings)) as work, hearing_signals(together.receive):
            work.running = 1.0  # What each is a part of.
            threads = [
                threading.Thread(target=copy_context().run, args=(train, place), daemon=True)
                for place in range(len(trainings))
            ]
            for thread in threads:
                thread.start()
            together.serve()
            for thread in threads:
                thread.join()
    finally:
        process.restore(device)
    return errors


class InStep(Hook):
    """Takes the steps of a training together with those of others.

    Parameters
    ----------
    together : _Together
        All of them.

    Attributes
    ----------
    step : TrainingStep
        Takes steps of this training alone. It is not captured: weights move in memory whenever a
        training comes or goes.
    batch : DrawnBatch or None
        What the next step shall be taken on, while the training waits for it.
    process : _Process
        What it left of the process when it began to wait.
    answer : Tensor, Exception or None
        Losses of the step, or what it raised; None where it has to be taken alone.
    """

    essential = True
    step: TrainingStep
    process: "_Process"

    def __init__(self, together: "_Together") -> None:
        self._together = together
        self.batch: DrawnBatch | None = None
        self.answer: Tensor | Exception | None = None

    def on_start(self, training: Training) -> None:
        """Take part."""
        self._training = training
        self._take_part()

    def on_step(self, training: Training) -> None:
        """Stop where all have been asked to."""
        if self._together.stops:
            training.stop()

    def on_event(self, training: Training, event: Event) -> None:
        """Take part again: a training that rolls back makes its step anew."""
        if event.kind == "rollback" and self in self._together.present:
            self._take_part()

    def on_stop(self, training: Training) -> None:
        """Leave the others to themselves."""
        self._together.leave(self)
        stand_alone(training.model)

    def _take_part(self) -> None:
        self._training.prepare_step(captured=False)
        step = self._training.take_step
        if isinstance(step, TrainingStep) and step.is_simple:
            self.step, self._training.take_step = step, self._take
            self._draws = dict[int, list[Draw]]()
        else:
            self._go_alone()

    def _go_alone(self) -> None:
        """Train on as if there were no others."""
        self.on_stop(self._training)
        self._training.prepare_step()

    def _take(self, batch: Batch, epoch: float, rate_factor: float) -> Tensor:
        """Take a step, as `TrainingStep` does."""
        if not self.step.is_settled(epoch):
            return self.step(batch, epoch, rate_factor)
        self.step.set_rates(epoch, rate_factor)
        before = random_state(self._together.device)
        losses = self._losses(batch)
        if losses is not None:
            return losses
        restore_random_state(before, self._together.device)
        alone = self.step if self in self._together.present else self._training.take_step
        return alone(batch, epoch, rate_factor)

    def _losses(self, batch: Batch) -> Tensor | None:
        """Take a step with all others; return None where it has to be taken alone."""
        try:
            drawn = self._drawn(batch)
        except NotStackable:
            self._go_alone()
            return None
        self._together.take_step(self, drawn)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self._together.is_over:
            self._go_alone()
        return self.answer

    def _drawn(self, batch: Batch) -> DrawnBatch:
        """Draw what the step of a batch would draw."""
        if len(batch) not in self._draws:
            self._draws[len(batch)] = note_draws(self.step, batch)
        draws = tuple(draw() for draw in self._draws[len(batch)])
        return DrawnBatch(batch.images, batch.labels, draws)


@dataclass(frozen=True)
class _Process:
    """What a training needs of the process and others may change while it waits.

    Attributes
    ----------
    random : dict of str to Tensor
        Where torch's generators stand.
    precision : str
        That of products of float32 matrices.
    tf32 : bool
        Whether convolutions on CUDA devices take its shortcut.
    deterministic : bool
        Whether they add up in a fixed order.
    threads : int
        On how many threads PyTorch computes.
    """

    random: dict[str, Tensor]
    precision: str
    tf32: bool
    deterministic: bool
    threads: int

    @classmethod
    def now(cls, device: torch.device) -> Self:
        """Return it as it stands."""
        cudnn = torch.backends.cudnn
        return cls(
            random_state(device),
            torch.get_float32_matmul_precision(),
            cudnn.allow_tf32,
            cudnn.deterministic,
            torch.get_num_threads(),
        )

    def restore(self, device: torch.device) -> None:
        """Put it back."""
        restore_random_state(self.random, device)
        torch.set_float32_matmul_precision(self.precision)
        torch.backends.cudnn.allow_tf32 = self.tf32
        torch.backends.cudnn.deterministic = self.deterministic
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)


class _Together:
    """Waits until all trainings want a step, and takes it.

    Attributes
    ----------
    hooks : list of InStep
        Those of all trainings.
    present : set of InStep
        Those that others have to wait for.
    turn : Condition
        Whoever holds its lock may compute.
    is_over : bool
        Whether those that are left train on alone.
    stops : bool
        Whether all have been asked to stop.
    """

    def __init__(self, count: int, device: torch.device) -> None:
        self.device = device
        self.hooks = [InStep(self) for _ in range(count)]
        self.present = set(self.hooks)
        self.turn, self._complete = using_generators(), threading.Event()
        self.is_over = self.stops = False
        self._steps: list[TrainingStep] = []

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Let all stop after their next step; a second Ctrl-C stops them at once."""
        if self.stops and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stops = True

    def serve(self) -> None:
        """Take the steps of all, until no training is left."""
        while self.present:
            # Neither this wait nor that for a turn keeps the main thread from hearing a signal.
            self._complete.wait()
            with self.turn:
                self._complete.clear()
                if self._all_wait():
                    self._answer()
                    self.turn.notify_all()

    def take_step(self, hook: InStep, batch: DrawnBatch) -> None:
        """Hand in the batch of a training, and wait for the answer."""
        hook.batch, hook.process = batch, _Process.now(self.device)
        self._tell_if_complete()
        self.turn.wait_for(lambda: hook.batch is None)
        hook.process.restore(self.device)

    def leave(self, hook: InStep) -> None:
        """Let nobody wait for a training any longer."""
        with self.turn:
            self.present.discard(hook)
            self._tell_if_complete()

    def _all_wait(self) -> bool:
        return all(hook.batch is not None for hook in self.present)

    def _tell_if_complete(self) -> None:
        if self._all_wait():
            self._complete.set()

    def _answer(self) -> None:
        waiting = [hook for hook in self.hooks if hook in self.present]
        answers: Sequence[Tensor | Exception | None]
        try:
            answers = self._losses(waiting)
        except Exception as error:  # noqa: BLE001 - each of them raises it.
            answers = [error] * len(waiting)
        for hook, answer in zip(waiting, answers, strict=True):
            hook.batch, hook.answer = None, answer

    def _losses(self, waiting: Sequence[InStep]) -> Sequence[Tensor | None]:
        """Take the step of all that wait, if it can be one."""
        batches = [hook.batch for hook in waiting if hook.batch is not None]
        self.is_over = self.is_over or len(waiting) < 2
        # After a roll-back one of them may be where batches are smaller.
        if self.is_over or len(set(map(len, batches))) > 1:
            return [None] * len(waiting)
        waiting[0].process.restore(self.device)
        batch = DrawnBatch.of(batches)
        steps = [hook.step for hook in waiting]
        if steps != self._steps:
            try:
                self._stack(steps, batch)
            except NotStackable:
                self.is_over = True
                return [None] * len(waiting)
        return self._repeated(batch).unbind()

    def _stack(self, steps: list[TrainingStep], batch: DrawnBatch) -> None:
        """Put models side by side, after one has come or gone."""
        stacked = StackedStep(steps)
        stacked.check(batch)
        self._steps, self._repeated = steps, steps[0].engine.repeated(stacked, self.device)
