"""What the code of a variational model costs, and which of its dimensions are used."""

import math

import numpy as np
import torch
from torch import Tensor

from latentscape.core.findings import Json
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Split
from latentscape.evaluation.results import Latent
from latentscape.inference.batches import evaluating, stored_batches, to_device
from latentscape.inference.codec import posteriors
from latentscape.model import Network, squared_mmd
from latentscape.model.latents import ACTIVE_VARIANCE, Normal

SAMPLES = 4
"""Codes drawn per test example; over a thousand examples the mean moves by hundredths of a nat."""

MMD_CODES = 2000


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
        None for plain codes, which cost nothing that could be measured. How far the aggregate
        posterior is from the prior is measured by `moment_mismatch` and by the maximum mean
        discrepancy (Gretton et al. 2012).
    """
    latent = model.config.latent
    if not latent.has_prior:
        return None
    samples = SAMPLES if latent.draws else 1
    rate, distortion = _bound(model, split, samples)
    bits = (rate + distortion) / math.log(2) / math.prod(model.input_shape)
    return Latent(
        kind=latent.kind,
        n=len(split.test),
        samples=samples,
        rate=rate,
        distortion=distortion,
        elbo=-(rate + distortion),
        bits_per_dim=bits,
        **(_gaussian(model, split) if latent.has_posterior else {}),
        **(_quantised(model, split) if latent.quantises else {}),
    )


def moment_mismatch(mean: Array, covariance: Array) -> float:
    """Return the divergence of N(mean, covariance) from N(0, I), in nats.

    For the moments of the aggregate posterior this bounds its divergence from the prior from below:
    it is what remains when only the moments are looked at (compare Hoffman and Johnson 2016).
    """
    log_determinant = float(np.linalg.slogdet(covariance)[1])
    return 0.5 * float(np.trace(covariance) + mean @ mean - len(mean) - log_determinant)


def _bound(model: Network, split: Split, samples: int) -> tuple[float, float]:
    """Return mean rate and distortion in nats per example, codes drawn from the split's seed."""
    rates, distortions = 0.0, 0.0
    with evaluating(), forked_random(derive_seed(split.seed, "bound"), model.device):
        for batch in stored_batches(split.dataset, split.test):
            images, labels = to_device(model, batch)
            target = model.scale(images)
            for _ in range(samples):
                code = model.code(images, labels)
                assert code.rate is not None
                log_prob = model.likelihood.log_prob(model.outputs(code.z, labels), target)
                rates += float(code.rate.double().sum()) / samples
                distortions -= float(log_prob.double().sum()) / samples
    return rates / len(split.test), distortions / len(split.test)


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
        prior = model.prior()
        assert prior is not None
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
