"""Muon: steps of hidden layers that change all directions alike."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
"""As in the paper, where ``train.momentum`` is 0."""

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
"""Of the polynomial that brings singular values near to 1; as in the paper."""

SIZE = 0.2
"""Root mean square of a step for a learning rate of 1: that of Adam, so that rates agree."""


class HiddenLayers:
    """Moves the weights of hidden layers by Muon (Jordan et al. 2024) before another optimizer.

    The momentum of a matrix is replaced by the nearest matrix whose singular values are all the
    same, about: so a step moves weak directions as far as strong ones. The size of a step is that
    of Adam (Liu et al. 2025), and weights decay as in AdamW.

    Kernels count as matrices with a row for each channel of their first axis. The first matrix and
    the last, which meet the data, and all that is no matrix are left to the other optimizer.

    It is a hook for ``register_step_pre_hook``: what it has moved has no gradient any more.

    Parameters
    ----------
    parameters : sequence of nn.Parameter
        Of all layers, from the first to the last.
    momentum, weight_decay : float
        Settings of training.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], momentum: float, weight_decay: float
    ) -> None:
        self._matrices = [weight for weight in parameters if weight.dim() >= 2][1:-1]
        self._momentum, self._weight_decay = momentum or MOMENTUM, weight_decay

    @torch.no_grad()
    def __call__(self, optimizer: torch.optim.Optimizer, *arguments: Any) -> None:
        """Move them at the learning rate of the optimizer, which keeps their momentum."""
        rate = torch.as_tensor(optimizer.param_groups[0]["lr"])
        for weight in self._matrices:
            if weight.grad is None:
                continue
            state = optimizer.state[weight]
            if not state:
                state["momentum"] = torch.zeros_like(weight)
            momentum = state["momentum"].lerp_(weight.grad, 1 - self._momentum)
            direction = weight.grad.lerp(momentum, self._momentum)
            if self._weight_decay:
                weight.mul_(1 - rate.to(weight) * self._weight_decay)
            weight.sub_(orthogonalised(direction) * rate.to(weight))
            weight.grad = None


def orthogonalised(kernel: Tensor) -> Tensor:
    """Return the kernel of the same shape whose matrix has singular values of about one size."""
    matrix = kernel.reshape(len(kernel), -1)
    size = SIZE * math.sqrt(max(matrix.shape))
    is_tall = matrix.shape[0] > matrix.shape[1]
    values: Tensor = matrix.T if is_tall else matrix
    values = values / (values.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = values @ values.T
        values = a * values + (b * gram + c * gram @ gram) @ values
    whole: Tensor = values.T if is_tall else values
    return (whole * size).reshape(kernel.shape)
