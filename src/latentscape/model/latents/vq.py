"""The latent of a vector-quantised autoencoder: codes made of the vectors of a codebook."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentscape.config import VqConfig
from latentscape.model.averages import BatchAverages, sums_by
from latentscape.model.latents.base import Code, Latent
from latentscape.model.latents.distributions import Prior
from latentscape.model.layers import Unflatten

_MAX_ROWS = 250
"""Images that are compared with the whole codebook at once."""

_NO_VECTORS = 1e-5
"""Moving average of the vectors that choose a code, up to which it counts as none."""

_EXACT = "donot_use_mm_for_euclid_dist"
"""The mode of ``torch.cdist`` in which a vector of the codebook is its own nearest one."""

_ROUNDING = 1e-6
"""Share of the largest distance to a code by which rounding may change any distance."""


@dataclass(frozen=True)
class UniformCodes:
    """Each position draws any vector (K, W) of a codebook with the same chance.

    Codes are laid out as `VqLatent` lays them out, (W, positions) flattened.
    """

    codebook: Tensor
    positions: int

    def sample(self, shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (*shape, D)."""
        index = torch.randint(len(self.codebook), (*shape, self.positions), generator=generator)
        vectors = self.codebook[index.to(self.codebook.device)]
        return vectors.transpose(-2, -1).flatten(-2)


class VqLatent(Latent, BatchAverages):
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
    input_shape : tuple of int
        Shape of an example; not needed.
    """

    codebook: Tensor
    counts: Tensor
    sums: Tensor
    started: Tensor

    def __init__(
        self, config: VqConfig, features_shape: tuple[int, ...], input_shape: tuple[int, ...]
    ) -> None:
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
        seen = vectors.detach().flatten(0, 1)
        if self.training and not self.is_deferred:
            self.start(seen)
        nearest = self._nearest(vectors)
        quantised = F.embedding(nearest, self.codebook)
        if self.training:
            self.observe(seen, nearest.flatten())
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
        indices = torch.cat([self.indices(part) for part in torch.split(features, _MAX_ROWS)])
        counts = torch.bincount(indices.flatten(), minlength=self._config.codes)
        shares = counts / counts.sum()
        return {
            "perplexity": float(torch.exp(-torch.xlogy(shares, shares).sum())),
            "codes_used": float((counts > 0).sum()),
        }

    def collapse(self, measured: Mapping[str, float]) -> str | None:
        """Notice that all vectors choose one and the same code."""
        return None if measured["codes_used"] > 1 else "codebook"

    def snap(self, codes: Tensor) -> Tensor:
        """Replace each vector in codes (..., D) by the nearest of the codebook."""
        codebook = self.codebook.to(codes.device)
        vectors = codes.reshape(*codes.shape[:-1], codebook.shape[1], -1).transpose(-2, -1)
        nearest = torch.cdist(vectors.flatten(0, -2), codebook, compute_mode=_EXACT).argmin(-1)
        return codebook[nearest].reshape(vectors.shape).transpose(-2, -1).flatten(-2)

    def is_decided(self, features: Tensor) -> Tensor:
        """Tell for which features (B, F) no vector lies about as near to one code as to another.

        Rounding decides which of these codes is taken, and no two programs round alike.
        """
        vectors = self.layers(features).flatten(2).transpose(1, 2)
        codes = self.codebook.unique(dim=0)  # type: ignore[no-untyped-call]
        distances = torch.cdist(vectors, codes, compute_mode=_EXACT).square()
        near = distances <= distances.amin(-1, keepdim=True) + _ROUNDING * distances.max()
        return (near.sum(-1) == 1).all(-1)

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

    @property
    def has_started(self) -> bool:
        """Whether the codebook has begun with vectors of a batch."""
        return bool(self.started)

    @torch.no_grad()
    def start(self, *values: Tensor) -> None:
        """Begin with some of the vectors (N, W) of the first batch."""
        # Asking on the device spares the host from waiting for the answer.
        self._replace(~self.started.expand_as(self.counts), values[0])
        self.started.fill_(True)

    @torch.no_grad()
    def learn(self, *values: Tensor) -> None:
        """Move each code to the mean of the vectors (N, W) that it is the `nearest` (N,) of."""
        vectors, nearest = values
        decay, ones = self._config.decay, vectors.new_ones(len(nearest))
        counts = sums_by(nearest, ones, len(self.counts))
        sums = sums_by(nearest, vectors, len(self.counts))
        self.counts.lerp_(counts, 1 - decay)
        self.sums.lerp_(sums, 1 - decay)
        # A code that nothing has chosen for long keeps its place until it is revived.
        means = self.sums / self.counts.clamp_min(_NO_VECTORS)[:, None]
        unused = self.counts <= _NO_VECTORS
        self.codebook.copy_(torch.where(unused[:, None], self.codebook, means))
        even = len(vectors) / len(self.counts)
        self._replace(self.counts < self._config.revive_below * even, vectors)

    def _replace(self, dead: Tensor, vectors: Tensor) -> None:
        """Put vectors of the batch, drawn at random, in the place of dead codes."""
        index = torch.randint(len(vectors), (len(dead),), device=vectors.device)
        revived = vectors.index_select(0, index)
        # With an even share of the uses, so that it has time to be used.
        count = max(len(vectors) / len(dead), _NO_VECTORS)
        self.codebook.copy_(torch.where(dead[:, None], revived, self.codebook))
        self.counts.masked_fill_(dead, count)
        self.sums.copy_(torch.where(dead[:, None], revived * count, self.sums))
