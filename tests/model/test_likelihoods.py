import math

import pytest
import torch

from latentscape.config import BernoulliConfig, GaussianConfig
from latentscape.model.likelihoods import build_likelihood


def test_a_bernoulli_sums_to_one():
    likelihood = build_likelihood(BernoulliConfig())
    outputs = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None]
    total = sum(likelihood.log_prob(outputs, torch.full_like(outputs, x)).exp() for x in (0, 1))
    assert torch.allclose(total, torch.ones(9, dtype=torch.float64))


@pytest.mark.parametrize("mean", ["linear", "sigmoid"])
@pytest.mark.parametrize("variance", [0.01, 0.5, 2.0])
def test_a_gaussian_integrates_to_one(mean, variance):
    likelihood = build_likelihood(GaussianConfig(mean=mean, variance=variance))
    x = torch.linspace(-20, 20, 200_001, dtype=torch.float64)[:, None]
    density = likelihood.log_prob(torch.full_like(x, 0.3), x).exp()
    assert torch.trapezoid(density, x[:, 0]).item() == pytest.approx(1, abs=1e-6)


def test_half_variance_makes_the_loss_squared_error_plus_a_constant():
    likelihood = build_likelihood(GaussianConfig())
    output, images = torch.rand(5, 1, 4, 4), torch.rand(5, 1, 4, 4)
    squared_error = (output - images).square().flatten(1).sum(1)
    constant = 16 / 2 * math.log(math.pi)
    assert torch.allclose(-likelihood.log_prob(output, images), squared_error + constant)


def test_confident_pixels_stay_finite():
    likelihood = build_likelihood(BernoulliConfig())
    output = torch.tensor([[1e4, -1e4]])
    assert likelihood.log_prob(output, torch.tensor([[0.0, 1.0]])).item() == pytest.approx(-2e4)


def test_images_are_summed_not_averaged():
    likelihood = build_likelihood(BernoulliConfig())
    output, images = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    assert likelihood.log_prob(output, images).tolist() == pytest.approx([-48 * math.log(2)] * 2)
