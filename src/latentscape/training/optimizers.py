"""The optimizers, each built from parameters, a learning rate and the settings of training.

They are registered in `latentscape.config.optimizers`. The learning rate is a tensor where the
kernels can read one, so that captured steps see it change.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latentscape.config import TrainConfig
from latentscape.training.muon import HiddenLayers

Parameters = Sequence[nn.Parameter]


def adam(parameters: Parameters, lr: Tensor | float, config: TrainConfig) -> torch.optim.Optimizer:
    """Build Adam (Kingma and Ba 2015)."""
    return torch.optim.Adam(
        parameters,
        lr,
        weight_decay=config.weight_decay,
        fused=True,
        capturable=_on_cuda(parameters),
    )


def adamw(parameters: Parameters, lr: Tensor | float, config: TrainConfig) -> torch.optim.Optimizer:
    """Build Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
    return torch.optim.AdamW(
        parameters,
        lr,
        weight_decay=config.weight_decay,
        fused=True,
        capturable=_on_cuda(parameters),
    )


def muon(parameters: Parameters, lr: Tensor | float, config: TrainConfig) -> torch.optim.Optimizer:
    """Build Muon for hidden layers, and AdamW for all other weights (Jordan et al. 2024)."""
    optimizer = adamw(parameters, lr, config)
    hidden = HiddenLayers(parameters, config.momentum, config.weight_decay)
    optimizer.register_step_pre_hook(hidden)
    return optimizer


def sgd(parameters: Parameters, lr: Tensor | float, config: TrainConfig) -> torch.optim.Optimizer:
    """Build stochastic gradient descent, with momentum."""
    return torch.optim.SGD(
        parameters, lr, momentum=config.momentum, weight_decay=config.weight_decay, fused=True
    )


def rmsprop(
    parameters: Parameters, lr: Tensor | float, config: TrainConfig
) -> torch.optim.Optimizer:
    """Build RMSprop, with momentum.

    It has no fused kernel. On the CPU it would turn a tensor into a number at each step.
    """
    cuda = _on_cuda(parameters)
    return torch.optim.RMSprop(
        parameters,
        lr if cuda else config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        foreach=True,
        capturable=cuda,
    )


def _on_cuda(parameters: Parameters) -> bool:
    return parameters[0].device.type == "cuda"
