"""Distributions of codes: posteriors, and priors from which codes come before any image is seen."""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Prior(Protocol):
    """Where codes come from before any image is seen."""

    def sample(self, shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (*shape, D)."""
        ...


class Density(Prior, Protocol):
    """A prior whose density is known."""

    @property
    def workspace(self) -> int:
        """How many numbers `log_prob` holds for each code, beyond those of the code."""
        ...

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of z (..., D), in nats."""
        ...


@dataclass(frozen=True)
class Normal:
    """Independent normal distributions.

    Attributes
    ----------
    mean, log_variance : Tensor
        (..., D).
    """

    mean: Tensor
    log_variance: Tensor
    workspace: ClassVar[int] = 0

    def sample(self, shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw (*shape, ..., D), differentiably, from `generator` or torch's own."""
        size = (*shape, *self.mean.shape)
        if generator is None:
            noise = torch.randn(size, device=self.mean.device)
        else:  # Drawn on the CPU: the same codes on every device.
            noise = torch.randn(size, generator=generator).to(self.mean.device)
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of z (..., D), summed over D."""
        distance = (z - self.mean).square() * torch.exp(-self.log_variance)
        return -0.5 * (distance + self.log_variance + math.log(2 * math.pi)).sum(-1)

    def rate(self) -> Tensor:
        """Return the divergence from N(0, I) in each dimension, (..., D) nats."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)

    def detach(self) -> "Normal":
        """Return the same distribution, outside the graph."""
        return Normal(self.mean.detach(), self.log_variance.detach())


@dataclass(frozen=True)
class Mixture:
    """An even mixture of the K rows (K, D) of a `Normal`."""

    parts: Normal

    @property
    def workspace(self) -> int:
        """How many numbers `log_prob` holds for each code: a code for each component."""
        return self.parts.mean.numel()

    def sample(self, shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (*shape, D)."""
        count, device = len(self.parts.mean), self.parts.mean.device
        if generator is None:
            component = torch.randint(count, shape, device=device)
        else:
            component = torch.randint(count, shape, generator=generator).to(device)
        parts = (self.parts.mean, self.parts.log_variance)
        components = Normal(*(F.embedding(component, part) for part in parts))
        return components.sample(torch.Size(), generator)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of z (..., D)."""
        by_component = self.parts.log_prob(z.unsqueeze(-2))
        return torch.logsumexp(by_component, -1) - math.log(len(self.parts.mean))
