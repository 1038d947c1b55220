"""What the code of a variational model costs, and which of its dimensions are used."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Split
from latentscape.inference.batches import evaluating, stored_batches, to_device
from latentscape.inference.codec import posteriors
from latentscape.inference.samples import has_standard_prior
from latentscape.model import Network, squared_mmd
from latentscape.model.latents import ACTIVE_VARIANCE, GaussianLatent, Normal

DRAWS = 4
"""Codes drawn per test example; over a thousand examples the mean moves by hundredths of a nat."""

MMD_CODES = 2000


def latent_findings(model: Network, split: Split) -> dict[str, Any]:
    """Measure rate, distortion and the use of the code, over the test examples.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        Its test part is looked at.

    Returns
    -------
    dict
        Empty for plain codes, which cost nothing that could be measured. Otherwise ``kind``, ``n``,
        ``samples`` (codes drawn per example); ``rate``, ``distortion`` and their negative sum
        ``elbo`` in nats per example, and ``bits_per_dim`` of that sum; ``collapse``, a sentence if
        the code is not used. Of a gaussian latent also ``kl_per_dim`` (None under a VampPrior),
        ``active``, ``active_units`` and ``collapsed`` dimensions (Burda et al. 2016, section 5),
        and how far the aggregate posterior is from the prior: ``mismatch`` (see `moment_mismatch`)
        and ``mmd``. Of a vector-quantised one ``perplexity``, ``codes_used`` and ``codes``.
    """
    if model.config.latent.kind == "point":
        return {}
    draws = DRAWS if isinstance(model.latent, GaussianLatent) else 1
    rate, distortion = _bound(model, split, draws)
    values: dict[str, Any] = {
        "kind": model.config.latent.kind,
        "n": len(split.test),
        "samples": draws,
        "rate": rate,
        "distortion": distortion,
        "elbo": -(rate + distortion),
        "bits_per_dim": (rate + distortion) / math.log(2) / math.prod(model.input_shape),
    }
    if isinstance(model.latent, GaussianLatent):
        values |= _gaussian(model, split)
    else:
        values |= _quantised(model, split)
    return {**values, "collapse": model.collapse(values)}


def moment_mismatch(mean: Array, covariance: Array) -> float:
    """Return the divergence of N(mean, covariance) from N(0, I), in nats.

    For the moments of the aggregate posterior this bounds its divergence from the prior from below:
    it is what remains when only the moments are looked at (compare Hoffman and Johnson 2016).
    """
    log_determinant = float(np.linalg.slogdet(covariance)[1])
    return 0.5 * float(np.trace(covariance) + mean @ mean - len(mean) - log_determinant)


def _bound(model: Network, split: Split, draws: int) -> tuple[float, float]:
    """Return mean rate and distortion in nats per example, codes drawn from the split's seed."""
    rates, distortions = 0.0, 0.0
    with evaluating(), forked_random(derive_seed(split.seed, "bound"), model.device):
        for batch in stored_batches(split.dataset, split.test):
            images, labels = to_device(model, batch)
            target = model.scale(images)
            for _ in range(draws):
                code = model.code(images, labels)
                assert code.rate is not None
                log_prob = model.likelihood.log_prob(model.outputs(code.z, labels), target)
                rates += float(code.rate.double().sum()) / draws
                distortions -= float(log_prob.double().sum()) / draws
    return rates / len(split.test), distortions / len(split.test)


def _gaussian(model: Network, split: Split) -> dict[str, Any]:
    posterior = posteriors(model, split.dataset, split.test)
    active = posterior.mean.var(0, unbiased=len(split.test) > 1) > ACTIVE_VARIANCE
    standard = has_standard_prior(model)
    return {
        "kl_per_dim": posterior.rate().mean(0).tolist() if standard else None,
        "active": active.tolist(),
        "active_units": int(active.sum()),
        "collapsed": torch.nonzero(~active).flatten().tolist(),
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
    some = slice(MMD_CODES)
    chosen = Normal(posterior.mean[some], posterior.log_variance[some])
    codes = chosen.sample(torch.Size(), source)
    with evaluating():
        prior = model.prior()
        assert prior is not None
        drawn: Tensor = prior.sample(torch.Size([len(codes)]), source).cpu()
        return float(squared_mmd(codes, drawn))


def _quantised(model: Network, split: Split) -> dict[str, Any]:
    with evaluating():
        features = [
            model.features(*to_device(model, batch))
            for batch in stored_batches(split.dataset, split.test)
        ]
        measured = model.latent.diagnose(torch.cat(features))
    return {**measured, "codes": model.config.latent.codes}  # type: ignore[union-attr]
