"""The optimizers, each built from parameters, a learning rate and the settings of training.

They are registered in `latentscape.config.optimizers`. The learning rate is a tensor where the
kernels can read one, so that captured steps see it change.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from latentscape.config import OPTIMIZERS, TrainConfig, load
from latentscape.model import Player
from latentscape.training.engine import choose_engine
from latentscape.training.muon import HiddenLayers

Parameters = Sequence[nn.Parameter]
Optimizers = dict[str, torch.optim.Optimizer]
"""The optimizer of each player, by name; the autoencoder's first."""


def build_optimizers(players: Iterable[Player], config: TrainConfig) -> Optimizers:
    """Build the optimizers that a config names, fused where PyTorch has fused kernels.

    Where it can be, a learning rate is a tensor, so that replayed steps see it change.

    Parameters
    ----------
    players : iterable of Player
        Whose parameters are trained, already on their device.
    config : TrainConfig
        Optimizer, learning rate, weight decay, momentum, engine; and those of single players.

    Returns
    -------
    dict of str to Optimizer
        Each with one parameter group.
    """
    with choose_engine(config.engine).building_optimizer():
        return {
            player.name: _optimizer(list(player.parameters), config.of(player.name))
            for player in players
        }


def _optimizer(parameters: list[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    device = parameters[0].device
    dtype = torch.float32 if device.type == "cuda" else torch.float64  # What the kernels take.
    lr = config.lr if device.type == "mps" else torch.tensor(config.lr, dtype=dtype, device=device)
    optimizer: torch.optim.Optimizer = load(OPTIMIZERS[config.optimizer])(parameters, lr, config)
    return optimizer


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
