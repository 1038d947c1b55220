"""Distributions against numerical integration, and a codebook against a calculation by hand."""

import math

import pytest
import torch

from latentscape.api.preparing import prepare
from latentscape.config import GaussianLatentConfig, VqConfig, load_recipe
from latentscape.model import Network
from latentscape.model.latents import Mixture, Normal
from latentscape.model.latents.gaussian import GaussianLatent
from latentscape.model.latents.vq import UniformCodes, VqLatent
from latentscape.runs.wording import describe_collapse


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


NORMALS = [([0.0], [0.0]), ([1.5], [-3.0]), ([-2.0, 0.1], [1.0, -0.5]), ([0.0] * 9, [2.0] * 9)]


@pytest.mark.parametrize(("mean", "log_variance"), NORMALS)
def test_the_rate_is_what_draws_cost_on_average(mean, log_variance, averages_to):
    posterior = Normal(torch.tensor(mean), torch.tensor(log_variance))
    prior = Normal(torch.zeros(len(mean)), torch.zeros(len(mean)))
    z = posterior.sample(torch.Size([50_000]), seeded())
    assert z.shape == (50_000, len(mean))
    assert averages_to(posterior.log_prob(z) - prior.log_prob(z), posterior.rate().sum())


def test_the_rate_is_never_negative_and_zero_for_the_prior_alone():
    posterior = Normal(*(3 * torch.randn(2, 1000, 5)))
    assert (posterior.rate() >= 0).all()
    assert (Normal(torch.zeros(4), torch.zeros(4)).rate() == 0).all()


def grid(size=401, end=12.0):
    """Return points (size^2, 2) of a plane, and the area of each."""
    line = torch.linspace(-end, end, size, dtype=torch.float64)
    return torch.cartesian_prod(line, line), (2 * end / (size - 1)) ** 2


HILLS = Mixture(
    Normal(
        torch.tensor([[-2.0, 1.0], [3.0, 0.0], [0.0, -2.0]], dtype=torch.float64),
        torch.tensor([[0.0, -1.0], [-2.0, 0.5], [0.3, 0.3]], dtype=torch.float64),
    )
)
NORMAL = Normal(*torch.tensor([[0.3, -1.0], [-1.0, 1.0]], dtype=torch.float64))


@pytest.mark.parametrize("density", [HILLS, NORMAL], ids=["mixture", "normal"])
def test_a_density_integrates_to_one_and_samples_follow_it(density, averages_to):
    points, area = grid()
    probability = density.log_prob(points).exp() * area
    assert probability.sum().item() == pytest.approx(1, abs=1e-6)
    samples = density.sample(torch.Size([20_000]), seeded())
    assert samples.shape == (20_000, 2)
    for measured in (
        lambda z: z[:, 0],
        lambda z: z[:, 1].square(),
        lambda z: z[:, 0] * z[:, 1],
        lambda z: torch.sigmoid(3 * z.sum(1)),
    ):
        assert averages_to(measured(samples), (probability * measured(points)).sum())


def test_a_mixture_of_equal_parts_is_that_part():
    part = Normal(torch.tensor([0.4, -1]), torch.tensor([0.2, -0.3]))
    mixture = Mixture(Normal(part.mean.expand(7, 2), part.log_variance.expand(7, 2)))
    z = torch.randn(3, 5, 2)
    assert torch.allclose(mixture.log_prob(z), part.log_prob(z), atol=1e-6)


@pytest.mark.parametrize("prior", [HILLS, NORMAL, UniformCodes(torch.randn(5, 3), positions=4)])
def test_a_prior_draws_from_its_generator_alone(prior):
    def drawn(seed):
        return prior.sample(torch.Size([10, 2]), seeded(seed))

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert drawn(1).shape[:2] == (10, 2)


def test_uniform_codes_take_every_vector_as_often(averages_to):
    codebook = torch.randn(5, 3)
    codes = UniformCodes(codebook, positions=4).sample(torch.Size([2000]), seeded())
    vectors = codes.reshape(2000, 3, 4).transpose(1, 2).reshape(-1, 3)
    same = (vectors[:, None] == codebook).all(-1)
    assert same.any(1).all()
    for share in same.double().T:
        assert averages_to(share, 0.2)


@pytest.fixture
def gaussian():
    """Three dimensions whose means are the first three features, and log-variances the others."""
    latent = GaussianLatent(GaussianLatentConfig(dim=3), (6,), (1, 4, 4))
    with torch.no_grad():
        latent.layers[0].weight.copy_(torch.eye(6))
        latent.layers[0].bias.zero_()
    return latent


def test_active_units_are_those_whose_mean_moves_with_the_image(gaussian):
    features = torch.cat(
        [torch.randn(50, 3) * torch.tensor([1.0, 0.05, 0.2]), 9 * torch.randn(50, 3)], 1
    )
    measured = gaussian.diagnose(features)
    assert measured == {"active_units": 2.0}
    assert gaussian.collapse(measured) is None


def test_a_code_that_no_image_moves_has_collapsed(gaussian):
    measured = gaussian.diagnose(torch.ones(50, 6))
    assert measured == {"active_units": 0.0}
    assert gaussian.collapse(measured) == "posterior"
    assert "none of the 3 latent dimensions" in describe_collapse("posterior", 3)


def test_a_single_image_says_nothing_about_collapse(gaussian):
    assert gaussian.diagnose(torch.randn(1, 6)) == {}


def quantiser(codebook, **settings):
    """Return a latent of numbers, each of which takes the nearest of a codebook."""
    config = VqConfig(dim=1, codes=len(codebook), positions=4, **settings)
    latent = VqLatent(config, (4,), (4,))
    latent.layers[0] = torch.nn.Identity()  # The features are the vectors.
    latent.codebook.copy_(torch.tensor(codebook)[:, None])
    latent.counts.fill_(2)
    latent.sums.copy_(2 * latent.codebook)
    latent.started.fill_(True)
    return latent


def test_a_codebook_is_the_moving_average_of_what_chose_it():
    latent = quantiser([0.0, 10.0], decay=0.9, revive_below=0.0)
    code = latent.train()(torch.tensor([[1.0, 2.0, 9.0, 3.0]]), None, 1)
    # What was chosen is from before the step.
    assert code.z.tolist() == [[0.0, 0.0, 10.0, 0.0]]
    assert latent.counts.tolist() == pytest.approx([0.9 * 2 + 0.1 * 3, 0.9 * 2 + 0.1 * 1])
    assert latent.sums[:, 0].tolist() == pytest.approx([0.1 * 6, 0.9 * 20 + 0.1 * 9])
    assert latent.codebook[:, 0].tolist() == pytest.approx([0.6 / 2.1, 18.9 / 1.9])


def test_a_dead_code_comes_back_as_a_vector_of_the_batch():
    latent = quantiser([0.0, 10.0, 1e3], decay=0.5, revive_below=0.9)
    vectors = torch.tensor([[1.0, 2.0, 9.0, 9.5]])
    latent.train()(vectors, None, 1)
    # The third code was chosen by none: its count has fallen from 2 to 1, an even share is 4 / 3.
    assert latent.codebook[2].item() in vectors.flatten().tolist()
    assert latent.counts[2].item() == pytest.approx(4 / 3)
    assert latent.sums[2].item() == pytest.approx(4 / 3 * latent.codebook[2].item())
    assert latent.codebook[:2, 0].tolist() == pytest.approx([(0 + 1.5) / 2, (10 + 9.25) / 2])


@pytest.mark.parametrize("steps", [1, 50, 3000])
def test_a_code_that_nothing_chooses_and_nothing_revives_keeps_its_place(steps):
    latent = quantiser([0.0, 1e3], revive_below=0.0).train()
    for _ in range(steps):
        latent(torch.zeros(1, 4), None, 1)
    assert latent.codebook[1].item() == pytest.approx(1e3, rel=1e-4)


def test_a_codebook_starts_from_vectors_of_the_first_batch():
    latent = VqLatent(VqConfig(dim=2, codes=50, positions=4, decay=1 - 1e-9), (5,), (5,))
    features = torch.randn(8, 5)
    latent.eval()(features, None, 1)
    assert not latent.started
    latent.train()(features, None, 1)
    assert latent.started
    vectors = latent.layers(features).flatten(2).transpose(1, 2).flatten(0, 1)
    apart = (latent.codebook[:, None] - vectors).abs().amax(-1)
    assert apart.min(1).values.max() < 1e-6


@pytest.mark.parametrize("features_shape", [(5,), (5, 3, 2)])
def test_codes_come_from_the_codebook_and_cost_what_naming_them_does(features_shape):
    latent = VqLatent(VqConfig(dim=2, codes=7, positions=4), features_shape, (5,)).eval()
    features = torch.randn(9, math.prod(features_shape))
    code, mean = latent(features, None, 1), latent.mean(features)
    nearest = latent.indices(features)
    width, positions = 2, latent.numbers
    assert torch.equal(mean.reshape(9, width, positions).transpose(1, 2), latent.codebook[nearest])
    assert torch.allclose(code.z, mean, atol=1e-6)
    assert code.rate.tolist() == pytest.approx([positions * math.log(7)] * 9)
    distances = torch.cdist(code.unquantised.reshape(9, 2, -1).transpose(1, 2), latent.codebook)
    assert torch.equal(distances.argmin(-1), nearest)
    assert 1 <= latent.diagnose(features)["perplexity"] <= 7


def test_gradients_pass_straight_through_the_codebook():
    latent = VqLatent(VqConfig(dim=2, codes=7, positions=4), (5,), (5,)).train()
    features = torch.randn(9, 5, requires_grad=True)
    code, slope = latent(features, None, 1), torch.randn(9, 8)
    (passed,) = torch.autograd.grad(code.z, features, slope, retain_graph=True)
    (plain,) = torch.autograd.grad(code.unquantised, features, slope)
    assert torch.isfinite(passed).all()
    assert torch.equal(passed, plain)
    assert not torch.equal(code.z, code.unquantised)


def test_perplexity_counts_codes_that_are_used_evenly():
    latent = quantiser([0.0, 1.0, 2.0, 3.0])
    everything = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    assert latent.diagnose(everything)["perplexity"] == pytest.approx(4)
    same = latent.diagnose(torch.full((3, 4), 2.0))
    assert same == {"perplexity": pytest.approx(1), "codes_used": 1}
    assert latent.collapse(same) == "codebook"
    assert "every vector chooses the same code" in describe_collapse("codebook", 8)
    assert latent.collapse(latent.diagnose(everything)) is None


@pytest.fixture
def vq(small):
    """The model of the vq-vae recipe after a few steps on digits, evaluating."""
    recipe = prepare(load_recipe("vq-vae"), small)
    model = Network(recipe.model, recipe.objective)
    images = torch.from_numpy(small.dataset.images[small.train[:50]])
    for _ in range(3):
        model.loss(images)
    return model.eval(), images


def test_a_vq_code_decodes_to_what_the_forward_pass_gives(vq):
    model, images = vq
    with torch.no_grad():
        expected = model.likelihood.mean(model(images).output)
        assert torch.allclose(model.decode(model.encode(images)), expected, atol=1e-5)


def test_every_place_of_a_vq_code_stays_where_it_is_in_the_image(vq):
    """Changing the vector of one corner of the map changes that corner of the image alone."""
    model, images = vq
    with torch.no_grad():
        codes = model.encode(images[:1])
        changed = codes.reshape(1, *model.latent.code_shape).clone()
        changed[..., 0, -1] += 1
        difference = (model.decode(changed.flatten(1)) - model.decode(codes)).abs()[0, 0]
    rows, columns = difference.nonzero(as_tuple=True)
    assert len(rows) > 0
    assert rows.max() < 14
    assert columns.min() >= 14
