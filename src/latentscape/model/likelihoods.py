"""Likelihoods: the only place where the probability of an image given its code is written.

A likelihood reads what the decoder puts out, of the same shape as the images, and knows two
things: the mean image, and the log-probability of given images.
"""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentscape.config import (
    BernoulliConfig,
    ContinuousBernoulliConfig,
    DiscretisedLogisticConfig,
    GaussianConfig,
    LikelihoodConfig,
    load,
)


class Likelihood(nn.Module):
    """How a decoder's output is read as a distribution over images on the scale 0 to 1."""

    def mean(self, output: Tensor) -> Tensor:
        """Turn decoder outputs into mean images of the same shape."""
        raise NotImplementedError

    def log_prob(self, output: Tensor, images: Tensor) -> Tensor:
        """Return the log-probability of images, in nats, summed over pixels.

        Parameters
        ----------
        output : Tensor
            (B, *shape) or (S, B, *shape) what the decoder put out.
        images : Tensor
            (B, *shape) on the scale 0 to 1.

        Returns
        -------
        Tensor
            (B,) or (S, B).
        """
        # In the precision of the images, whatever the decoder computed in.
        log_probs = self._per_pixel(output.to(images.dtype), images)
        return log_probs.flatten(output.dim() - images.dim() + 1).sum(-1)

    def stock_layers(self) -> list[nn.Module]:
        """Return stock layers that together do what `mean` does; see ``no_stock_layers``."""
        raise NotImplementedError

    def _per_pixel(self, output: Tensor, images: Tensor) -> Tensor:
        raise NotImplementedError


def bernoulli_log_prob(logits: Tensor, images: Tensor) -> Tensor:
    """Return the log-probability of flat images (B, N) for logits (S, B, N), as (S, B).

    From logits, so that a confident pixel neither overflows nor is cut off. Most of the time of an
    importance-weighted step goes here. Sample by sample the numbers fit into a processor's cache,
    and only the logits stay in memory for the gradient.

    The plain twin is ``(images * logits - softplus(logits)).sum(-1)``: the same values to the bit.
    """
    sums = []
    for part in logits.unbind():
        values = part.to(images.dtype)
        sums.append((images * values).sub_(F.softplus(values)).sum(-1))
    return torch.stack(sums)


def bernoulli_gradient(logits: Tensor, images: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient for the logits, times one (S, B) for the log-probabilities.

    It rounds elsewhere than that of the plain twin. So it defines the bits of every run, and no
    setting replaces it; the tests compare it with the twin.
    """
    result = torch.empty_like(logits)
    for place, part in enumerate(logits.unbind()):
        error = torch.sigmoid(part.to(images.dtype)).neg_().add_(images)
        result[place] = error.mul_(gradient[place].unsqueeze(-1))
    return result


# PyTorch sees each of them as one operation, which the engine of training can replace.
_OPERATIONS = torch.library.Library("latentscape", "DEF")  # type: ignore[no-untyped-call]
for _function, _arguments in (
    (bernoulli_log_prob, "Tensor logits, Tensor images"),
    (bernoulli_gradient, "Tensor logits, Tensor images, Tensor gradient"),
):
    _OPERATIONS.define(f"{_function.__name__}({_arguments}) -> Tensor")  # type: ignore[no-untyped-call]
    _OPERATIONS.impl(_function.__name__, _function, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]


class _BernoulliLogProb(torch.autograd.Function):
    """`bernoulli_log_prob`, which knows its gradient."""

    @staticmethod
    def forward(logits: Tensor, images: Tensor) -> Tensor:
        log_prob: Tensor = torch.ops.latentscape.bernoulli_log_prob(logits, images)
        return log_prob

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int, int], logits: Tensor, images: Tensor
    ) -> tuple[Tensor, int]:
        """Compute several models as one: their examples stand one behind the other."""
        flat = images.movedim(in_dims[1], 0).flatten(0, 1)
        sums: Tensor = _BernoulliLogProb.apply(logits.movedim(in_dims[0], 1).flatten(1, 2), flat)  # type: ignore[no-untyped-call]
        return sums.unflatten(1, (info.batch_size, -1)), 1  # type: ignore[no-untyped-call]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        logits, images = ctx.saved_tensors
        return torch.ops.latentscape.bernoulli_gradient(logits, images, gradients[0]), None


class Bernoulli(Likelihood):
    """Each pixel is on with the probability whose logit is the output."""

    def __init__(self, config: BernoulliConfig) -> None:
        super().__init__()

    def mean(self, output: Tensor) -> Tensor:
        """Return the probability of each pixel."""
        return torch.sigmoid(output)

    def stock_layers(self) -> list[nn.Module]:
        """Return the sigmoid."""
        return [nn.Sigmoid()]

    def log_prob(self, output: Tensor, images: Tensor) -> Tensor:
        """Return the log-probability of images; see `Likelihood.log_prob`."""
        flat = images.flatten(1)
        logits = output.reshape(-1, *flat.shape)
        sums: Tensor = _BernoulliLogProb.apply(logits, flat)  # type: ignore[no-untyped-call]
        return sums.reshape(output.shape[: output.dim() - images.dim() + 1])


class Gaussian(Likelihood):
    """Each pixel is normal around the output, with one variance for all."""

    def __init__(self, config: GaussianConfig) -> None:
        super().__init__()
        self._has_sigmoid = config.mean == "sigmoid"
        learned = config.variance == "learned"
        log_variance = torch.tensor(0.0 if learned else math.log(config.variance))  # type: ignore[arg-type]
        if learned:
            self.log_variance = nn.Parameter(log_variance)
        else:
            self.register_buffer("log_variance", log_variance, persistent=False)

    def mean(self, output: Tensor) -> Tensor:
        """Return the mean of each pixel."""
        return torch.sigmoid(output) if self._has_sigmoid else output

    def stock_layers(self) -> list[nn.Module]:
        """Return the sigmoid, if there is one."""
        return [nn.Sigmoid()] if self._has_sigmoid else []

    def _per_pixel(self, output: Tensor, images: Tensor) -> Tensor:
        squared_error = (images - self.mean(output)).square()
        constant = math.log(2 * math.pi) + self.log_variance
        return -0.5 * (squared_error * torch.exp(-self.log_variance) + constant)


class ContinuousBernoulli(Likelihood):
    """Each pixel has the density C x^p (1-x)^(1-p) on [0, 1]; the output is the logit of p.

    In terms of the logit l the constant C is l / tanh(l / 2) (Loaiza-Ganem and Cunningham 2019,
    equation 8).
    """

    # Where the quotients of small numbers are replaced by their first terms at zero.
    _SMALL: ClassVar[float] = 1e-2

    def __init__(self, config: ContinuousBernoulliConfig) -> None:
        super().__init__()

    def mean(self, output: Tensor) -> Tensor:
        """Return the mean of each pixel, which is not p."""
        small, safe = self._apart(output)
        far = 0.5 + 0.5 / torch.tanh(safe / 2) - 1 / safe
        return torch.where(small, 0.5 + output / 12, far)

    def _per_pixel(self, output: Tensor, images: Tensor) -> Tensor:
        small, safe = self._apart(output)
        far = torch.log(safe / torch.tanh(safe / 2))
        log_constant = torch.where(small, math.log(2) + output.square() / 12, far)
        return images * output - F.softplus(output) + log_constant

    def _apart(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Return where outputs are near zero, and outputs that are nowhere so."""
        small = output.abs() < self._SMALL
        return small, torch.where(small, torch.ones_like(output), output)


class DiscretisedLogistic(Likelihood):
    """Each pixel has one of a number of grey levels, by a logistic density cut between them.

    The ends take the tails (Salimans et al. 2017, PixelCNN++, section 2.1). The centre is the
    sigmoid of the output; one scale for all pixels is trained.
    """

    # The mean is a smooth function of the centre alone, so that it is computed for so many centres
    # and interpolated between them: linear steps of 1/2048 err by less than a millionth.
    _GRID: ClassVar[int] = 2048

    _AT_ONCE: ClassVar[int] = 256
    """Grey levels that are summed together, so that memory stays bounded."""

    def __init__(self, config: DiscretisedLogisticConfig) -> None:
        super().__init__()
        self._steps = config.levels - 1
        self.log_scale = nn.Parameter(torch.tensor(math.log(0.1)))

    def mean(self, output: Tensor) -> Tensor:
        """Return the mean over the levels, which the tails draw from the centre to the middle."""
        means = self._means(output)
        place = torch.sigmoid(output) * self._GRID
        below = place.floor().clamp(max=self._GRID - 1)
        index = below.long()
        return means[index] + (means[index + 1] - means[index]) * (place - below)

    def _means(self, like: Tensor) -> Tensor:
        """Return the means (GRID + 1,) for centres from 0 to 1.

        The mean of a variable that takes the values 0 to n is the sum over its steps of the
        probability of lying above each.
        """
        centres = torch.linspace(0, 1, self._GRID + 1, dtype=like.dtype, device=like.device)
        edges = (torch.arange(self._steps, device=like.device) + 0.5).to(like.dtype) / self._steps
        inverse_scale = torch.exp(-self.log_scale)
        total = torch.zeros_like(centres)
        for part in torch.split(edges, self._AT_ONCE):
            total = total + torch.sigmoid((centres[:, None] - part) * inverse_scale).sum(1)
        return total / self._steps

    def _per_pixel(self, output: Tensor, images: Tensor) -> Tensor:
        levels = torch.round(images * self._steps) / self._steps
        inverse_scale = torch.exp(-self.log_scale)
        half = 0.5 / self._steps
        distance = levels - torch.sigmoid(output)
        below_upper = F.logsigmoid((distance + half) * inverse_scale)
        above_lower = F.logsigmoid((half - distance) * inverse_scale)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), and b - a is the same
        # everywhere: no difference of nearly equal numbers is taken.
        between = below_upper + above_lower + torch.log(-torch.expm1(-2 * half * inverse_scale))
        inner = torch.where(levels >= 1, above_lower, between)
        return torch.where(levels <= 0, below_upper, inner)


def build_likelihood(config: LikelihoodConfig) -> Likelihood:
    """Build the likelihood that settings describe."""
    likelihood: Likelihood = load(type(config).implementation)(config)
    return likelihood
