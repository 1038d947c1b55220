"""Latents: from an encoder's features to the code z, what that code costs, and its prior.

Shapes: B examples, S codes drawn for each, D numbers in a code.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentscape.config import GaussianLatentConfig, PointConfig, VqConfig
from latentscape.model.blocks import activation
from latentscape.model.layers import Unflatten

ACTIVE_VARIANCE = 0.01
"""Variance of a dimension's posterior mean over the data from which on it counts as active."""

_AT_ONCE = 250

_NO_VECTORS = 1e-5
"""Moving average of the vectors that choose a code, up to which it counts as none."""


class Prior(Protocol):
    """Where codes come from before any image is seen."""

    def sample(self, shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (*shape, D)."""
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

    def sample(self, shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (*shape, D)."""
        count, device = len(self.parts.mean), self.parts.mean.device
        if generator is None:
            chosen = torch.randint(count, shape, device=device)
        else:
            chosen = torch.randint(count, shape, generator=generator).to(device)
        parts = (self.parts.mean, self.parts.log_variance)
        one = Normal(*(F.embedding(chosen, part) for part in parts))
        return one.sample(torch.Size(), generator)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of z (..., D)."""
        each = self.parts.log_prob(z.unsqueeze(-2))
        return torch.logsumexp(each, -1) - math.log(len(self.parts.mean))


@dataclass(frozen=True)
class UniformCodes:
    """Each position draws any vector (K, W) of a codebook with the same chance.

    Codes are laid out as `VqLatent` lays them out, (W, positions) flattened.
    """

    codebook: Tensor
    positions: int

    def sample(self, shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (*shape, D)."""
        chosen = torch.randint(len(self.codebook), (*shape, self.positions), generator=generator)
        vectors = self.codebook[chosen.to(self.codebook.device)]
        return vectors.transpose(-2, -1).flatten(-2)


@dataclass(frozen=True)
class Code:
    """A code, what it costs, and where it came from.

    Attributes
    ----------
    z : Tensor
        (B, D), or (S, B, D) where several were drawn: what the decoder sees.
    rate : Tensor or None
        (B,) nats that the code costs; None where it has no prior to be measured against.
    posterior : Normal or None
        (B, D) what z was drawn from.
    prior : Normal, Mixture or None
        What the rate was measured against.
    unquantised : Tensor or None
        (B, D) the vectors before the codebook replaced them.
    """

    z: Tensor
    rate: Tensor | None = None
    posterior: Normal | None = None
    prior: Normal | Mixture | None = None
    unquantised: Tensor | None = None


class Latent(nn.Module):
    """From features (B, F) to codes.

    Attributes
    ----------
    layers : nn.Sequential
        What is applied to the features.
    code_shape : tuple of int
        (D,), or (W, H', W') where the code is a map of vectors.
    numbers : int
        How many separate numbers one code holds: what a linear method may use beside it.
    about : str
        What follows the layers; empty where nothing does.
    """

    layers: nn.Sequential
    code_shape: tuple[int, ...]
    numbers: int
    about = ""

    @property
    def dim(self) -> int:
        """Length D of a code."""
        return math.prod(self.code_shape)

    def forward(self, features: Tensor, prior: Prior | None, samples: int) -> Code:
        """Return the codes of features (B, F), drawn where they are random."""
        raise NotImplementedError

    def mean(self, features: Tensor) -> Tensor:
        """Return the codes (B, D) of features (B, F) without any sampling."""
        raise NotImplementedError

    def prior(self, encoder: nn.Module) -> Prior | None:
        """Return where codes come from before any image is seen; None where nothing says it."""
        return None

    def diagnose(self, features: Tensor) -> dict[str, float]:
        """Measure over features (B, F) whether the code is used."""
        return {}

    def collapse(self, measured: dict[str, float]) -> str:
        """Say in a sentence that the code is not used, if so; `measured` is from `diagnose`."""
        return ""


class Sphere(nn.Module):
    """Gives vectors (B, D) the length sqrt(D), so that their numbers have mean square one."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Return vectors of the same direction."""
        return F.normalize(vectors, dim=-1) * math.sqrt(vectors.shape[-1])


class PointLatent(Latent):
    """A deterministic code: a linear layer and an activation.

    Parameters
    ----------
    config : PointConfig
        Size and activation.
    features_shape : tuple of int
        Shape of the encoder's output before it was flattened.
    """

    def __init__(self, config: PointConfig, features_shape: tuple[int, ...]) -> None:
        super().__init__()
        features = math.prod(features_shape)
        last = [Sphere()] if config.activation == "sphere" else activation(config.activation)
        self.layers = nn.Sequential(nn.Linear(features, config.dim), *last)
        self.code_shape, self.numbers = (config.dim,), config.dim

    def forward(self, features: Tensor, prior: Prior | None, samples: int) -> Code:
        """Return the code."""
        return Code(self.mean(features))

    def mean(self, features: Tensor) -> Tensor:
        """Return the code."""
        code: Tensor = self.layers(features).float()
        return code


class GaussianLatent(Latent):
    """A normal posterior, with N(0, I) or a VampPrior before it (Kingma and Welling 2014).

    Parameters
    ----------
    config : GaussianLatentConfig
        Size and prior.
    features_shape : tuple of int
        Shape of the encoder's output before it was flattened.
    input_shape : tuple of int
        Shape of an example, for pseudo-inputs.
    """

    def __init__(
        self,
        config: GaussianLatentConfig,
        features_shape: tuple[int, ...],
        input_shape: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(math.prod(features_shape), 2 * config.dim))
        self.code_shape, self.numbers = (config.dim,), config.dim
        self.about = "mean and log-variance"
        self.pseudo_inputs: nn.Parameter | None = None
        if config.prior == "vamp":
            # Logits of pixels: all nearly black at first, no two alike.
            start = torch.randn(config.pseudo_inputs, *input_shape) - 2
            self.pseudo_inputs = nn.Parameter(start)
            self.about += f", {config.pseudo_inputs} pseudo-inputs"

    def forward(self, features: Tensor, prior: Prior | None, samples: int) -> Code:
        """Draw `samples` codes for each example; the rate is exact against N(0, I)."""
        assert isinstance(prior, Normal | Mixture)
        posterior = self.posterior(features)
        z = posterior.sample(torch.Size([samples] if samples > 1 else []))
        if isinstance(prior, Normal):
            rate = posterior.rate().sum(-1)
        else:
            rate = posterior.log_prob(z) - prior.log_prob(z)
            rate = rate.mean(0) if samples > 1 else rate
        return Code(z, rate, posterior, prior)

    def mean(self, features: Tensor) -> Tensor:
        """Return the mean of the posterior."""
        return self.posterior(features).mean

    def posterior(self, features: Tensor) -> Normal:
        """Return the distribution of the codes, (B, D)."""
        # Densities are sums of many terms: in full precision, whatever the layers computed in.
        mean, log_variance = self.layers(features).float().chunk(2, -1)
        return Normal(mean, log_variance)

    def prior(self, encoder: nn.Module) -> Normal | Mixture:
        """Return N(0, I), or the mixture of what the encoder makes of the pseudo-inputs."""
        if self.pseudo_inputs is None:
            zeros = self.layers[0].weight.new_zeros(self.dim)  # type: ignore[operator]
            return Normal(zeros, zeros)
        return Mixture(self.posterior(encoder(torch.sigmoid(self.pseudo_inputs))))

    def diagnose(self, features: Tensor) -> dict[str, float]:
        """Count the dimensions whose mean moves with the image (Burda et al. 2016, section 5)."""
        if len(features) < 2:
            return {}
        active = self.mean(features).var(0) > ACTIVE_VARIANCE
        return {"active_units": float(active.sum())}

    def collapse(self, measured: dict[str, float]) -> str:
        """Notice that no dimension of the code moves with the image."""
        if measured["active_units"]:
            return ""
        return (
            f"The posterior has collapsed: none of the {self.dim} latent dimensions depends on "
            "the image, so neither do the reconstructions. Unless it has only begun to train, give "
            "the rate less weight (objective.weights.rate), raise it slowly "
            "(objective.rate_warmup), or choose a likelihood that asks for more detail (bernoulli, "
            "or gaussian with a learned variance)"
        )


class VqLatent(Latent):
    """Vectors, each replaced by the nearest of a codebook of moving averages.

    Van den Oord et al. (2017), with the moving averages of its appendix A.1; dead codes are revived
    from the batch, and the codebook starts from the first one.

    Parameters
    ----------
    config : VqConfig
        Length and number of the vectors.
    features_shape : tuple of int
        Shape of the encoder's output before it was flattened: (C, H', W') has a vector at each
        place, (F,) has ``config.positions`` of them.
    """

    codebook: Tensor
    counts: Tensor
    sums: Tensor
    started: Tensor

    def __init__(self, config: VqConfig, features_shape: tuple[int, ...]) -> None:
        super().__init__()
        self._config = config
        if len(features_shape) == 3:
            channels, height, width = features_shape
            self.layers = nn.Sequential(
                Unflatten(1, features_shape), nn.Conv2d(channels, config.dim, 1)
            )
            self.code_shape = (config.dim, height, width)
        else:
            self.layers = nn.Sequential(
                nn.Linear(features_shape[0], config.positions * config.dim),
                nn.Unflatten(1, (config.dim, config.positions)),
            )
            self.code_shape = (config.dim, config.positions)
        self.numbers = math.prod(self.code_shape[1:])
        self.about = f"nearest of {config.codes} codes"
        self.register_buffer("codebook", torch.randn(config.codes, config.dim))
        self.register_buffer("counts", torch.ones(config.codes))
        self.register_buffer("sums", self.codebook.clone())
        self.register_buffer("started", torch.tensor(False))

    def forward(self, features: Tensor, prior: Prior | None, samples: int) -> Code:
        """Quantise; gradients pass straight through to the vectors before."""
        vectors = self._vectors(features)
        if self.training:
            self._start(vectors.detach())
        chosen = self._nearest(vectors)
        quantised = F.embedding(chosen, self.codebook)
        if self.training:
            self._learn(vectors.detach().flatten(0, 1), chosen.flatten())
        z = vectors + (quantised - vectors).detach()
        rate = z.new_full((len(z),), self.numbers * math.log(self._config.codes))
        return Code(self._joined(z), rate, unquantised=self._joined(vectors))

    def mean(self, features: Tensor) -> Tensor:
        """Return the quantised code (B, D)."""
        return self._joined(F.embedding(self.indices(features), self.codebook))

    def indices(self, features: Tensor) -> Tensor:
        """Return which code each vector becomes, (B, positions)."""
        return self._nearest(self._vectors(features))

    def prior(self, encoder: nn.Module) -> UniformCodes:
        """Return the even chances that the rate is measured against."""
        return UniformCodes(self.codebook, self.numbers)

    def diagnose(self, features: Tensor) -> dict[str, float]:
        """Count in how many codes, were they used evenly, there would be as much information."""
        # In parts, because every vector is measured against every code.
        chosen = torch.cat([self.indices(part) for part in torch.split(features, _AT_ONCE)])
        counts = torch.bincount(chosen.flatten(), minlength=self._config.codes)
        shares = counts / counts.sum()
        return {
            "perplexity": float(torch.exp(-torch.xlogy(shares, shares).sum())),
            "codes_used": float((counts > 0).sum()),
        }

    def collapse(self, measured: dict[str, float]) -> str:
        """Notice that all vectors choose one and the same code."""
        if measured["codes_used"] > 1:
            return ""
        return (
            "The codebook has collapsed: every vector chooses the same code. Lower train.lr, or "
            "train longer"
        )

    def _vectors(self, features: Tensor) -> Tensor:
        """Return vectors (B, positions, W)."""
        # In full precision, whatever the layers computed in, as the codebook is.
        return self.layers(features).float().flatten(2).transpose(1, 2)  # type: ignore[no-any-return]

    def _joined(self, vectors: Tensor) -> Tensor:
        """Return vectors (B, positions, W) as codes (B, D), in the order of the decoder's map."""
        return vectors.transpose(1, 2).flatten(1)

    def _nearest(self, vectors: Tensor) -> Tensor:
        distance = self.codebook.square().sum(1) - 2 * vectors @ self.codebook.T
        return distance.argmin(-1)

    @torch.no_grad()
    def _start(self, vectors: Tensor) -> None:
        # Asking on the device spares the host from waiting for the answer.
        self._replace(~self.started.expand_as(self.counts), vectors.flatten(0, 1))
        self.started.fill_(True)

    @torch.no_grad()
    def _learn(self, vectors: Tensor, chosen: Tensor) -> None:
        """Move each code to the mean of the vectors that chose it."""
        decay = self._config.decay
        counts = torch.zeros_like(self.counts).index_add_(0, chosen, vectors.new_ones(len(chosen)))
        sums = torch.zeros_like(self.sums).index_add_(0, chosen, vectors)
        self.counts.lerp_(counts, 1 - decay)
        self.sums.lerp_(sums, 1 - decay)
        # A code that nothing has chosen for long keeps its place until it is revived.
        means = self.sums / self.counts.clamp_min(_NO_VECTORS)[:, None]
        kept = self.counts <= _NO_VECTORS
        self.codebook.copy_(torch.where(kept[:, None], self.codebook, means))
        even = len(vectors) / len(self.counts)
        self._replace(self.counts < self._config.revive_below * even, vectors)

    def _replace(self, dead: Tensor, vectors: Tensor) -> None:
        """Put vectors of the batch, drawn at random, in the place of dead codes."""
        chosen = torch.randint(len(vectors), (len(dead),), device=vectors.device)
        drawn = vectors.index_select(0, chosen)
        # With an even share of the choices, so that it has time to be found.
        count = max(len(vectors) / len(dead), _NO_VECTORS)
        self.codebook.copy_(torch.where(dead[:, None], drawn, self.codebook))
        self.counts.masked_fill_(dead, count)
        self.sums.copy_(torch.where(dead[:, None], drawn * count, self.sums))
