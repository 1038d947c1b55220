"""Learning rates, as a pure function of the epoch."""

import math

import torch
from torch import Tensor

from latentscape.config import ScheduleConfig, TrainConfig


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the steps to come."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def has_steady_rate(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether the learning rate is a tensor, which steps read anew each time."""
    return isinstance(optimizer.param_groups[0]["lr"], Tensor)


def learning_rate(config: TrainConfig, epoch: float) -> float:
    """Return the learning rate at a (fractional) number of epochs trained so far."""
    schedule = config.schedule
    warmup = min(1.0, epoch / schedule.warmup) if schedule.warmup else 1.0
    return config.lr * warmup * _decay(schedule, epoch, config.epochs)


def _decay(schedule: ScheduleConfig, epoch: float, epochs: int) -> float:
    progress = min(1.0, epoch / epochs)
    match schedule.kind:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 + (schedule.final - 1.0) * progress
        case "cosine":
            return _half_cosine(1.0, schedule.final, progress)
        case "step":
            return schedule.factor ** (int(epoch) // schedule.every)
        case "one_cycle" if progress < schedule.peak:
            return _half_cosine(schedule.start, 1.0, progress / schedule.peak)
        case "one_cycle":
            return _half_cosine(
                1.0, schedule.final, (progress - schedule.peak) / (1 - schedule.peak)
            )
        case "restarts":
            return _half_cosine(1.0, schedule.final, _share_of_cycle(schedule, epoch))


def _half_cosine(start: float, end: float, progress: float) -> float:
    """Go from one value to another over half a period, slowest at both ends."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def _share_of_cycle(schedule: ScheduleConfig, epoch: float) -> float:
    """Return how much of the cycle that an epoch is in is over."""
    length = float(schedule.every)
    while epoch >= length:
        epoch -= length
        length *= schedule.growth
    return epoch / length
