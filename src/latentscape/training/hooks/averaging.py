"""Weight averaging: the model is a moving average of the weights that steps go through."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from latentscape.config import AverageConfig
from latentscape.training.hook import Hook, Training


class Averaging(Hook):
    """Keeps a moving average of the weights, which is the model after each epoch and in the end.

    It comes before all hooks that look at the model after an epoch; `Averaging.end_of_epoch` comes
    after them, and before the hook that saves: steps go on from the weights themselves, and these
    are what a checkpoint has as the model. Without ``train.average`` it does nothing.

    Numbers that are no weights, such as statistics of batch normalisation and codebooks, are
    averaged too; whole numbers are taken as they are.
    """

    essential = True
    group = "average"

    def __init__(self) -> None:
        self._average: dict[str, Tensor] = {}
        self._weights: dict[str, Tensor] = {}
        self.end_of_epoch = _EndOfEpoch(self)

    def on_step(self, training: Training) -> None:
        """Move the average."""
        config, state = training.config.average, training.state
        if config is None:
            return
        steps = (state.epoch - config.start) * len(training.loader) + state.step
        if steps <= 0 or math.ceil(steps) % config.every:
            return
        weights = training.model.state_dict()
        if self._average:
            _move(self._average, weights, config, steps - 1)
        else:
            self._average = _copies(weights)

    def on_epoch(self, training: Training) -> None:
        """Let the model be the average."""
        if self._average:
            self._weights = _copies(training.model.state_dict())
            training.model.load_state_dict(self._average)

    def on_end(self, training: Training) -> None:
        """Let the model be the average for good."""
        if self._average:
            training.model.load_state_dict(self._average)

    def put_back(self, training: Training) -> None:
        """Let the model have the weights again that steps go on from."""
        if self._weights:
            training.model.load_state_dict(self._weights)
            self._weights = {}

    def on_save(self, training: Training) -> Mapping[str, Tensor]:
        """Return the average."""
        return self._average

    def on_restore(self, training: Training, tensors: Mapping[str, Tensor]) -> None:
        """Take the average back; the model has its weights again by now."""
        device = training.model.device
        self._average = {name: value.to(device) for name, value in tensors.items()}
        self._weights = {}


class _EndOfEpoch(Hook):
    """Ends what `Averaging` began after an epoch."""

    essential = True

    def __init__(self, averaging: Averaging) -> None:
        self._averaging = averaging

    def on_epoch(self, training: Training) -> None:
        """Put the weights back."""
        self._averaging.put_back(training)


def _copies(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in weights.items()}


@torch.no_grad()
def _move(
    average: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    config: AverageConfig,
    steps: float,
) -> None:
    """Move an average after so many steps of averaging."""
    numbers = [name for name, value in weights.items() if value.is_floating_point()]
    move = get_ema_multi_avg_fn(config.decay_after(steps))  # type: ignore[no-untyped-call]
    move([average[name] for name in numbers], [weights[name] for name in numbers], None)
    for name in average.keys() - numbers:
        average[name].copy_(weights[name])
