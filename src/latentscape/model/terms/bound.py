"""The terms of the evidence bound: reconstruction and rate, and the rate at a capacity."""

from torch import Tensor

from latentscape.model.objectives import Pass


def reconstruction(result: Pass) -> Tensor:
    """Negative log-likelihood of the target."""
    return -result.likelihood.log_prob(result.output, result.target).mean()


def rate(result: Pass) -> Tensor:
    """Divergence of the posterior from the prior (Kingma and Welling 2014)."""
    assert result.code.rate is not None
    return result.code.rate.mean()


def capacity(result: Pass) -> Tensor:
    """Distance of the rate from a capacity that grows (Burgess et al. 2018, equation 8)."""
    config = result.objective.capacity
    grown = min(1.0, result.epoch / config.epochs) if config.epochs else 1.0
    return (rate(result) - grown * config.nats).abs()
