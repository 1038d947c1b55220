"""Optimizers, and learning rates as a pure function of the epoch."""

import math

import torch
from torch import Tensor, nn

from latentscape.config import ScheduleConfig, TrainConfig
from latentscape.training.engine import choose_engine


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Build the optimizer that a config names, fused where PyTorch has a fused kernel.

    Where it can be, its learning rate is a tensor, so that replayed steps see it change.

    Parameters
    ----------
    model : nn.Module
        Whose parameters are trained, already on their device.
    config : TrainConfig
        Optimizer, learning rate, weight decay, momentum, engine.

    Returns
    -------
    torch.optim.Optimizer
        With one parameter group.
    """
    with choose_engine(config.engine).building_optimizer():
        return _optimizer(model, config)


def _optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    parameters, decay = list(model.parameters()), config.weight_decay
    device = parameters[0].device
    cuda = device.type == "cuda"
    dtype = torch.float32 if cuda else torch.float64  # What the fused kernels read.
    lr = config.lr if device.type == "mps" else torch.tensor(config.lr, dtype=dtype, device=device)
    match config.optimizer:
        case "adam" | "adamw":
            kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
            return kind(parameters, lr, weight_decay=decay, fused=True, capturable=cuda)
        case "sgd":
            return torch.optim.SGD(
                parameters, lr, momentum=config.momentum, weight_decay=decay, fused=True
            )
        case "rmsprop":
            # It has no fused kernel. On the CPU it would turn a tensor into a number at each step.
            return torch.optim.RMSprop(
                parameters,
                lr if cuda else config.lr,
                momentum=config.momentum,
                weight_decay=decay,
                foreach=True,
                capturable=cuda,
            )


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
            return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * progress)) / 2
        case "step":
            return schedule.factor ** (int(epoch) // schedule.every)
