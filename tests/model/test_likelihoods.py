import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from latentscape.config import (
    LIKELIHOODS,
    BernoulliConfig,
    ContinuousBernoulliConfig,
    DiscretisedLogisticConfig,
    GaussianConfig,
)
from latentscape.model.likelihoods import build_likelihood

BINARY = torch.tensor([0.0, 1.0], dtype=torch.float64)
LEVELS = torch.arange(256, dtype=torch.float64) / 255
UNIT = torch.linspace(0, 1, 20_001, dtype=torch.float64)
LINE = torch.linspace(-25, 25, 200_001, dtype=torch.float64)

# Each likelihood, and all values that a pixel can have under it.
MEMBERS = {
    "bernoulli": (BernoulliConfig(), BINARY),
    "gaussian": (GaussianConfig(), LINE),
    "narrow gaussian": (GaussianConfig(variance=0.01), LINE),
    "gaussian around a sigmoid": (GaussianConfig(mean="sigmoid", variance=2.0), LINE),
    "gaussian of learned variance": (GaussianConfig(variance="learned"), LINE),
    "continuous bernoulli": (ContinuousBernoulliConfig(), UNIT),
    "discretised logistic": (DiscretisedLogisticConfig(), LEVELS),
    "black and white logistic": (DiscretisedLogisticConfig(levels=2), BINARY),
}
# On both sides of zero, where a continuous Bernoulli changes its formula, and far out.
OUTPUTS = (-12.0, -1.0, -0.011, -0.009, -1e-6, 0.0, 0.009, 0.011, 0.3, 4.0, 12.0)


@pytest.fixture(params=MEMBERS)
def member(request):
    config, values = MEMBERS[request.param]
    return build_likelihood(config).double(), values


def test_every_kind_is_a_member():
    assert {config.kind for config, _ in MEMBERS.values()} == LIKELIHOODS.keys()


def expectation(likelihood, output, values, of):
    """Sum over the few values a pixel can have, or integrate over the many."""
    outputs = torch.full((len(values), 1), output, dtype=torch.float64)
    weighted = of * likelihood.log_prob(outputs, values[:, None]).exp()
    total = weighted.sum() if len(values) <= 256 else torch.trapezoid(weighted, values)
    return total.item()


def test_probability_adds_up_to_one(member):
    likelihood, values = member
    for output in OUTPUTS:
        total = expectation(likelihood, output, values, torch.ones_like(values))
        assert total == pytest.approx(1, abs=1e-6), output


def test_the_mean_is_the_expectation(member):
    likelihood, values = member
    for output in OUTPUTS:
        mean = likelihood.mean(torch.tensor([output], dtype=torch.float64)).item()
        expected = expectation(likelihood, output, values, values)
        assert mean == pytest.approx(expected, abs=1e-6), output


@pytest.mark.parametrize("name", MEMBERS)
def test_the_most_confident_outputs_stay_finite_and_so_do_their_gradients(name):
    likelihood = build_likelihood(MEMBERS[name][0])
    output = torch.tensor([[-1e4, -100.0, -1e-3, 0.0, 1e-3, 100.0, 1e4]], requires_grad=True)
    for value in (0.0, 0.5, 1.0):
        log_prob = likelihood.log_prob(output, torch.full_like(output, value))
        slopes = torch.autograd.grad(log_prob.sum(), [output, *likelihood.parameters()])
        assert torch.isfinite(log_prob).all()
        assert all(torch.isfinite(slope).all() for slope in slopes)
    mean = likelihood.mean(output)
    assert torch.isfinite(mean).all()
    assert (mean.diff() >= 0).all()


def test_several_codes_have_a_leading_axis(member):
    likelihood, values = member
    outputs = torch.randn(3, 5, 2, 4, 4, dtype=torch.float64)
    images = values[torch.randint(len(values), (5, 2, 4, 4))]
    together = likelihood.log_prob(outputs, images)
    assert together.shape == (3, 5)
    each = torch.stack([likelihood.log_prob(output, images) for output in outputs])
    assert torch.allclose(together, each)
    assert likelihood.mean(outputs).shape == outputs.shape


def test_images_are_summed_not_averaged(member):
    likelihood, values = member
    outputs = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    images = values[torch.randint(len(values), (2, 3, 4, 4))]
    pixels = likelihood.log_prob(outputs.reshape(-1, 1), images.reshape(-1, 1))
    assert torch.allclose(likelihood.log_prob(outputs, images), pixels.reshape(2, -1).sum(1))


def test_the_gradient_is_that_of_the_log_probability(member):
    likelihood, values = member
    outputs = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    images = values[torch.randint(len(values), (2, 4))]
    assert torch.autograd.gradcheck(lambda output: likelihood.log_prob(output, images), outputs)


def test_outputs_of_low_precision_are_read_in_full_precision(member):
    likelihood, values = member
    outputs = torch.randn(3, 5, 40).bfloat16()
    images = values[torch.randint(len(values), (5, 40))].float()
    expected = likelihood.float().log_prob(outputs.float(), images)
    assert torch.equal(likelihood.log_prob(outputs, images), expected)


def test_half_variance_makes_the_loss_squared_error_plus_a_constant():
    likelihood = build_likelihood(GaussianConfig())
    output, images = torch.rand(5, 1, 4, 4), torch.rand(5, 1, 4, 4)
    squared_error = (output - images).square().flatten(1).sum(1)
    constant = 16 / 2 * math.log(math.pi)
    assert torch.allclose(-likelihood.log_prob(output, images), squared_error + constant)


def test_the_best_learned_variance_is_the_mean_squared_error():
    likelihood = build_likelihood(GaussianConfig(variance="learned")).double()
    output, images = torch.rand(2, 5, 30, dtype=torch.float64)
    with torch.no_grad():
        likelihood.log_variance.fill_((output - images).square().mean().log())
    likelihood.log_prob(output, images).sum().backward()
    assert likelihood.log_variance.grad.item() == pytest.approx(0, abs=1e-9)


def test_a_continuous_bernoulli_is_smooth_where_it_changes_its_formula():
    likelihood = build_likelihood(ContinuousBernoulliConfig())
    outputs = torch.linspace(-0.02, 0.02, 401, requires_grad=True)
    likelihood.log_prob(outputs[:, None], torch.full((401, 1), 0.7)).sum().backward()
    # The derivative is the value less the mean, and the mean is 1/2 + l/12 near zero.
    assert torch.allclose(outputs.grad, 0.2 - outputs / 12, atol=1e-4)
    assert torch.allclose(likelihood.mean(outputs), 0.5 + outputs / 12, atol=1e-4)


def test_a_logistic_is_cut_half_way_between_levels():
    likelihood = build_likelihood(DiscretisedLogisticConfig(levels=5)).double()
    values = torch.arange(5, dtype=torch.float64)[:, None] / 4
    output, scale = 0.4, likelihood.log_scale.exp().item()
    edges = (torch.arange(1, 5, dtype=torch.float64) - 0.5) / 4
    centre = 1 / (1 + math.exp(-output))
    below = torch.sigmoid((edges - centre) / scale)
    expected = torch.cat([below[:1], below.diff(), 1 - below[-1:]])
    probabilities = likelihood.log_prob(torch.full_like(values, output), values).exp()
    assert torch.allclose(probabilities, expected)


@pytest.mark.parametrize(("levels", "scale"), [(256, 0.02), (256, 0.5), (17, 0.1), (1000, 0.05)])
def test_the_mean_of_a_discretised_logistic_is_that_of_its_levels(levels, scale):
    """Against SciPy's logistic distribution, cut half way between levels, tails at the ends."""
    likelihood = build_likelihood(DiscretisedLogisticConfig(levels=levels)).double()
    with torch.no_grad():
        likelihood.log_scale.fill_(math.log(scale))
    outputs = np.random.default_rng(0).normal(0, 4, 200)
    values = np.arange(levels) / (levels - 1)
    edges = (values[1:] + values[:-1]) / 2
    below = stats.logistic.cdf(edges, loc=special.expit(outputs)[:, None], scale=scale)
    probabilities = np.diff(below, axis=1, prepend=0, append=1)
    means = likelihood.mean(torch.from_numpy(outputs)).detach().numpy()
    np.testing.assert_allclose(means, probabilities @ values, atol=2e-6)


def test_no_other_image_has_a_smaller_squared_error_than_the_mean():
    """Of levels drawn from a discretised logistic near black, where its centre is too dark."""
    likelihood = build_likelihood(DiscretisedLogisticConfig()).double()
    output = torch.tensor([-3.0], dtype=torch.float64)
    outputs = output.expand(256)[:, None]
    weights = likelihood.log_prob(outputs, LEVELS[:, None]).exp().detach().numpy()
    drawn = np.random.default_rng(0).choice(LEVELS.numpy(), 100_000, p=weights / weights.sum())
    mean, centre = likelihood.mean(output).item(), torch.sigmoid(output).item()
    assert mean == pytest.approx(drawn.mean(), abs=1e-3)
    assert ((drawn - mean) ** 2).mean() < ((drawn - centre) ** 2).mean()
