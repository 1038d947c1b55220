"""Several models of one shape whose steps are taken as one.

The weights of all models lie side by side in memory, as tensors with one more axis, and each model
has a view of its own part: what reads or writes a single model, be it an optimizer, a checkpoint or
an evaluation, needs to know nothing of the others. `torch.vmap` turns the operations of one model's
losses into those of all of them: products of matrices become batched ones.

Each model is to see the random numbers that it would see alone, so that nothing may be drawn in
between: what a step will draw is noted once, drawn beforehand by whoever has the model's own
generator, and handed out where an operation asks for it.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from latentscape.training.engine.operations import Watcher
from latentscape.training.loader import Batch


class Stackable(Protocol):
    """What is known of the step of a model; see `latentscape.training.step.TrainingStep`."""

    @property
    def model(self) -> nn.Module:
        """The model."""

    @property
    def scale(self) -> float:
        """Factor between the loss and what is differentiated."""

    def losses(self, batch: Batch) -> Tensor:
        """Return the losses (1 + terms,) of a batch, differentiable."""

    def move(self) -> None:
        """Move the weights by their gradients."""


@dataclass(frozen=True)
class DrawnBatch(Batch):
    """A batch, or those of several models, one behind the other, with all that a step draws.

    Attributes
    ----------
    draws : tuple of Tensor
        What the step of a model draws, in this order; of several models (M, ...).
    """

    draws: tuple[Tensor, ...] = ()

    @classmethod
    def of(cls, batches: Sequence[Self]) -> Self:
        """Put the batches of several models one behind the other."""
        labels = [each.labels for each in batches if each.labels is not None]
        draws = zip(*(each.draws for each in batches), strict=True)
        images = torch.cat([each.images for each in batches])
        return cls(images, torch.cat(labels) if labels else None, tuple(map(torch.stack, draws)))

    def clone(self) -> Self:
        """Copy it."""
        return replace(super().clone(), draws=tuple(draw.clone() for draw in self.draws))

    def copy_(self, other: Self) -> None:
        """Take over what another holds."""
        super().copy_(other)
        for own, draw in zip(self.draws, other.draws, strict=True):
            own.copy_(draw)


Draw = Callable[[], Tensor]
"""An operation that draws random numbers, to be carried out again."""


class NotStackable(Exception):
    """The steps of these models cannot be taken as one."""


class StackedStep:
    """A step of several models of one shape.

    The weights of the models lie where it has put them, until `stand_alone`.

    Parameters
    ----------
    steps : sequence of Stackable
        Those of the models, each with its own optimizer.
    """

    def __init__(self, steps: Sequence[Stackable]) -> None:
        self._steps = steps
        self._losses = _Losses(steps[0])
        self._trained, self._fixed = dict[str, Tensor](), dict[str, Tensor]()
        every = [_tensors(step.model) for step in steps]
        for name, first in every[0].items():
            whole = _side_by_side([tensors[name] for tensors in every])
            for tensors, own in zip(every, whole.unbind(), strict=True):
                tensors[name].data = own
            if first.requires_grad:
                self._trained[name] = whole.detach().requires_grad_()
            else:
                self._fixed[name] = whole

    def __call__(self, batch: Batch) -> Tensor:
        """Take the step of each model.

        Parameters
        ----------
        batch : DrawnBatch
            The batches of all models, one behind the other.

        Returns
        -------
        Tensor
            (M, 1 + terms) the losses before the step.
        """
        assert isinstance(batch, DrawnBatch)
        losses, gradients = self._differentiated(self._fixed, batch)
        for name, gradient in zip(self._trained, gradients, strict=True):
            for place, step in enumerate(self._steps):
                own = step.model.get_parameter(name.removeprefix(_PREFIX))
                own.grad = None if gradient is None else _laid_out(gradient[place], own)
        for step in self._steps:
            step.move()
            step.model.zero_grad()
        return losses

    def check(self, batch: DrawnBatch) -> None:
        """Compute losses and gradients, and change nothing.

        Raises
        ------
        NotStackable
            If an operation has no form for several models.
        """
        copies = {name: value.clone() for name, value in self._fixed.items()}
        try:
            # One model after the other is what it does, and warns of, where it knows no better.
            with warnings.catch_warnings(action="error", category=UserWarning):
                self._differentiated(copies, batch)
        except (RuntimeError, ValueError, UserWarning) as error:
            raise NotStackable(str(error)) from error

    def _differentiated(
        self, fixed: dict[str, Tensor], batch: DrawnBatch
    ) -> tuple[Tensor, Sequence[Tensor | None]]:
        """Return the losses (M, 1 + terms), and the gradients of what is trained."""
        losses = self._losses_of({**self._trained, **fixed}, batch)
        total = losses[:, 0].sum() * self._steps[0].scale
        gradients = torch.autograd.grad(total, list(self._trained.values()), allow_unused=True)
        return losses.detach(), gradients

    def _losses_of(self, tensors: dict[str, Tensor], batch: DrawnBatch) -> Tensor:
        def losses(tensors: dict[str, Tensor], images: Tensor, labels: Tensor | None) -> Tensor:
            of_one: Tensor = functional_call(self._losses, tensors, (images, labels))
            return of_one

        count = len(self._steps)
        images = batch.images.reshape(count, -1, *batch.images.shape[1:])
        labels = None if batch.labels is None else batch.labels.reshape(count, -1)
        axes = (0, 0, None if labels is None else 0)
        with _HandingOut(batch.draws):
            every: Tensor = torch.vmap(losses, axes, randomness="different")(
                tensors, images, labels
            )
        return every


def stand_alone(model: nn.Module) -> None:
    """Let a model have its weights in memory of its own again."""
    for value in _tensors(model).values():
        value.data = value.data.clone()


def note_draws(step: Stackable, batch: Batch) -> list[Draw]:
    """Return what a step draws for a batch, in order; nothing is changed.

    Raises
    ------
    NotStackable
        If something is drawn that depends on more than its shape.
    """
    whole = _Losses(step)
    copies = {f"{_PREFIX}{name}": value.clone() for name, value in step.model.named_buffers()}
    with torch.no_grad(), torch.random.fork_rng(_cuda(batch.images)), _Noting() as noted:
        functional_call(whole, copies, (batch.images, batch.labels))
    draws: list[Draw] = noted.draws
    return draws


class _Losses(nn.Module):
    """The losses of a model as a module, which `functional_call` gives other weights."""

    def __init__(self, step: Stackable) -> None:
        super().__init__()
        self.model, self._of = step.model, step.losses

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        return self._of(Batch(images, labels))


class _Noting(Watcher):  # type: ignore[no-untyped-call]
    """Notes what is drawn."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.draws: list[Draw] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if _is_random(function):
            if not _depends_on_shape(function):
                raise NotStackable(f"{function} draws")
            self.draws.append(partial(function, *args, **(kwargs or {})))
        return function(*args, **(kwargs or {}))


class _HandingOut(Watcher):  # type: ignore[no-untyped-call]
    """Hands out what was drawn beforehand, in the place of operations that draw."""

    def __init__(self, draws: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._draws = iter(draws)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if _is_random(function):
            drawn = next(self._draws, None)
            if drawn is None:
                raise NotImplementedError(f"{function} draws more than a single model does")
            return drawn
        return function(*args, **(kwargs or {}))


_PREFIX = "model."
"""What names of a model's tensors begin with in `_Losses`."""

_SHAPED = {"randn", "rand", "randint", "randn_like", "rand_like", "randint_like"}


def _is_random(function: Any) -> bool:
    return torch.Tag.nondeterministic_seeded in function.tags


def _depends_on_shape(function: Any) -> bool:
    return function.overloadpacket.__name__ in _SHAPED


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights and all other numbers of a model by the names that `_Losses` has."""
    return {
        f"{_PREFIX}{name}": value
        for name, value in [*model.named_parameters(), *model.named_buffers()]
    }


def _side_by_side(tensors: Sequence[Tensor]) -> Tensor:
    """Copy tensors into one (M, ...), in which each has its strides."""
    first = tensors[0]
    memory = first.detach().new_empty(len(tensors) * first.numel())
    strides = (first.numel(), *first.stride())
    whole = memory.as_strided((len(tensors), *first.shape), strides)
    for own, tensor in zip(whole.unbind(), tensors, strict=True):
        own.copy_(tensor.detach())
    return whole


def _laid_out(gradient: Tensor, weight: Tensor) -> Tensor:
    """Return a gradient with the strides of its weight: fused optimizers walk through both."""
    if gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight, memory_format=torch.preserve_format).detach().copy_(gradient)


def _cuda(images: Tensor) -> list[torch.device]:
    return [images.device] if images.device.type == "cuda" else []
