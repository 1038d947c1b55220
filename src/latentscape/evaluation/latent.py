"""What codes cost, which of their dimensions are used, and how far they are from their prior."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from latentscape.config import LikelihoodKind
from latentscape.core.findings import Json
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Split
from latentscape.core.subsets import max_examples
from latentscape.evaluation.likelihood_kinds import (
    Dequantisation,
    dequantisation,
    likelihood_kind,
)
from latentscape.evaluation.results import Latent
from latentscape.inference.batches import evaluating, stored_batches, to_device
from latentscape.inference.codec import encode, posteriors
from latentscape.inference.samplers import matching_terms
from latentscape.model import Network, squared_mmd
from latentscape.model.latents import ACTIVE_VARIANCE, Normal

MIN_SAMPLES, MAX_SAMPLES = 4, 64
"""Codes drawn per test example, at least and at most."""

MAX_ERROR = 0.02
"""Nats: more codes are drawn until the standard error of the ELBO is no larger."""

MMD_CODES = 2000

MAX_NUMBERS = 1 << 25
"""Numbers in codes that are in memory at once, at most: 128 MiB."""


def measure_latent(model: Network, split: Split) -> Latent | None:
    """Measure rate, distortion and the use of the code, over the test examples.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        Its test part is looked at.

    Returns
    -------
    Latent or None
        None for plain codes that nothing draws to N(0, I). Of those that a term draws there, only
        the distance is measured: they cost nothing that could be. Codes are drawn until the
        standard error of the ELBO is 0.02 nats, for each example 4 at least and 64 at most. Of
        large test parts, what codes are like is measured on drawn examples. How
        far the aggregate posterior is from the prior is measured by `moment_mismatch` and by the
        maximum mean discrepancy (Gretton et al. 2012).
    """
    latent = model.config.latent
    if not latent.has_prior:
        return _matched(model, split) if matching_terms(model.objective.config) else None
    kind = likelihood_kind(model, split)
    noise = dequantisation(kind, split.dataset)
    bound = _bound(model, split, noise)
    (rate, distortion, _), drawn = bound.means, _of_codes(model, split)
    return Latent(
        kind=latent.kind,
        n=len(split.test),
        samples=bound.samples,
        likelihood=kind,
        rate=rate,
        distortion=distortion,
        elbo=-(rate + distortion),
        elbo_se=bound.standard_error if latent.draws else None,
        bits_per_dim=_bits_per_dim(bound, kind, noise, math.prod(model.input_shape)),
        levels=kind.levels if noise is None else noise.levels,
        n_codes=None if drawn is split else len(drawn.test),
        **(_gaussian(model, drawn) if latent.has_posterior else {}),
        **(_quantised(model, drawn) if latent.quantises else {}),
    )


def _matched(model: Network, split: Split) -> Latent:
    """Measure how far plain codes that a term draws to N(0, I) are from it."""
    drawn = _of_codes(model, split)
    codes = torch.from_numpy(encode(model, drawn.dataset, drawn.test))
    certain = Normal(codes, torch.full_like(codes, -math.inf))
    mismatch = moment_mismatch(*_moments(certain))
    return Latent(
        kind=model.config.latent.kind,
        n=len(split.test),
        n_codes=None if drawn is split else len(codes),
        samples=1,
        mismatch=mismatch if math.isfinite(mismatch) else None,  # Codes may lie in a plane.
        mmd=_prior_mmd(model, drawn, certain),
    )


def _of_codes(model: Network, split: Split) -> Split:
    """Return the split with as many test examples as may have their codes in memory."""
    at_most = min(max_examples(split.dataset.shape), MAX_NUMBERS // model.latent_dim)
    if len(split.test) <= at_most:
        return split
    return replace(split, test=split.subset("test", at_most))


def moment_mismatch(mean: Array, covariance: Array) -> float:
    """Return the divergence of N(mean, covariance) from N(0, I), in nats.

    For the moments of the aggregate posterior this bounds its divergence from the prior from below:
    it is what remains when only the moments are looked at (compare Hoffman and Johnson 2016).
    """
    log_determinant = float(np.linalg.slogdet(covariance)[1])
    return 0.5 * float(np.trace(covariance) + mean @ mean - len(mean) - log_determinant)


def _bits_per_dim(
    bound: "_Bound", kind: LikelihoodKind, noise: Dequantisation | None, values: int
) -> float | None:
    """Return the bits that each of so many values costs; None where nats are not bits of data."""
    rate, distortion, continuous = bound.means
    if noise is not None:
        nats = rate + continuous + noise.log_volume(values)
    elif kind.of == "probability":
        nats = rate + distortion
    else:
        return None
    return nats / math.log(2) / values


class _Bound:
    """Rate and distortion of each test example, summed over the codes that were drawn so far.

    Attributes
    ----------
    samples : int
        Codes drawn for each.
    """

    def __init__(self, n: int) -> None:
        self.samples = 0
        self._sums = torch.zeros(n, 3, dtype=torch.float64)
        self._squares = torch.zeros(n, dtype=torch.float64)

    def add(self, place: slice, nats: Tensor) -> None:
        """Add (B, 3) rates, distortions, and distortions of dequantised pixels, of one draw."""
        nats = nats.cpu()
        self._sums[place] += nats
        self._squares[place] += nats[:, :2].sum(1).square()

    @property
    def means(self) -> tuple[float, float, float]:
        """Means over examples and draws, in nats."""
        rate, distortion, continuous = (self._sums.mean(0) / self.samples).tolist()
        return rate, distortion, continuous

    @property
    def standard_error(self) -> float:
        """Standard error of the mean of rate + distortion, from the draws alone, in nats."""
        sums, count = self._sums[:, :2].sum(1), self.samples
        variances = (self._squares - sums.square() / count).clamp(min=0) / max(count - 1, 1)
        return math.sqrt(float(variances.sum()) / count) / len(sums)


def _bound(model: Network, split: Split, noise: Dequantisation | None) -> _Bound:
    """Draw codes from the split's seed until the ELBO is known well enough, or for long enough."""
    bound = _Bound(len(split.test))
    with evaluating(), forked_random(derive_seed(split.seed, "bound"), model.device):
        if not model.config.latent.draws:
            _draw(model, split, noise, bound, 1)
            return bound
        _draw(model, split, noise, bound, MIN_SAMPLES)
        while (error := bound.standard_error) > MAX_ERROR and bound.samples < MAX_SAMPLES:
            needed = math.ceil(bound.samples * min((error / MAX_ERROR) ** 2, MAX_SAMPLES))
            more = min(needed, MAX_SAMPLES) - bound.samples
            _draw(model, split, noise, bound, more)
    return bound


def _draw(
    model: Network, split: Split, noise: Dequantisation | None, bound: _Bound, samples: int
) -> None:
    """Draw further codes for every test example."""
    prior, start = model.prior(), 0
    for batch in stored_batches(split.dataset, split.test):
        images, labels = to_device(model, batch)
        target, features = model.scale(images), model.features(images, labels)
        for _ in range(samples):
            code = model.latent(features, prior, 1)
            outputs = model.outputs(code.z, labels)
            distortion = -model.likelihood.log_prob(outputs, target)
            continuous = distortion
            if noise is not None:
                continuous = -model.likelihood.log_prob(outputs, noise.spread(images))
            nats = (code.rate, distortion, continuous)
            bound.add(slice(start, start + len(images)), torch.stack([n.double() for n in nats], 1))
        start += len(images)
    bound.samples += samples


def _gaussian(model: Network, split: Split) -> Json:
    posterior = posteriors(model, split.dataset, split.test)
    active = posterior.mean.var(0, unbiased=len(split.test) > 1) > ACTIVE_VARIANCE
    standard = model.config.latent.has_standard_prior
    return {
        "kl_per_dim": posterior.rate().mean(0).tolist() if standard else None,
        "active": active.tolist(),
        "collapse": None if active.any() else "posterior",
        "mismatch": moment_mismatch(*_moments(posterior)) if standard else None,
        "mmd": _prior_mmd(model, split, posterior),
    }


def _moments(posterior: Normal) -> tuple[Array, Array]:
    """Return mean and covariance of the aggregate posterior, in double precision."""
    means = posterior.mean.double().numpy()
    within = posterior.log_variance.double().exp().mean(0).numpy()
    between = np.atleast_2d(np.cov(means, rowvar=False, bias=True))
    return means.mean(0), between + np.diag(within)


def _prior_mmd(model: Network, split: Split, posterior: Normal) -> float:
    """Return the squared discrepancy of codes drawn for test examples from codes of the prior."""
    source = torch.Generator().manual_seed(derive_seed(split.seed, "discrepancy"))
    places = np.searchsorted(split.test, split.subset("test", MMD_CODES))
    subset = Normal(posterior.mean[places], posterior.log_variance[places])
    codes = subset.sample(torch.Size(), source)
    with evaluating():
        prior = model.prior() or Normal(*torch.zeros(2, codes.shape[1]))
        prior_codes: Tensor = prior.sample(torch.Size([len(codes)]), source).cpu()
        return float(squared_mmd(codes, prior_codes))


def _quantised(model: Network, split: Split) -> Json:
    with evaluating():
        features = [
            model.features(*to_device(model, batch))
            for batch in stored_batches(split.dataset, split.test)
        ]
        use = model.latent.diagnose(torch.cat(features))
    return {
        "perplexity": use["perplexity"],
        "codes_used": int(use["codes_used"]),
        "codes": model.config.latent.codebook_size,
        "collapse": model.collapse(use),
    }
