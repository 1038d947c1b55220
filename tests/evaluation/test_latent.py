"""Rate, distortion and their sum: how sure they are, what kind they are, and bits of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import MultivariateNormal, kl_divergence

from latentscape.config import load_recipe, override
from latentscape.config.model import InputConfig
from latentscape.core import subsets
from latentscape.core.records import Dataset
from latentscape.data import binarize_split
from latentscape.evaluation import latent as method
from latentscape.evaluation.latent import measure_latent
from latentscape.evaluation.latent_metrics import latent_kinds
from latentscape.evaluation.likelihood_kinds import dequantisation, is_binary, likelihood_kind
from latentscape.model import Network
from synthetic import BINARY, DENSITY, EIGHT_BITS, SCORE

VARIANCE = 0.04


def build(likelihood="bernoulli", name="vae-20", **changes):
    """Build a small VAE of digits, untrained."""
    settings = {"model.encoder.widths": [16], "model.latent.dim": 3, "model.likelihood": likelihood}
    recipe = override(load_recipe(name), {**settings, **changes})
    inputs = InputConfig(shape=(1, 28, 28), range=(0, 255), labels=0)
    torch.manual_seed(0)
    model = recipe.model.model_copy(update={"input": inputs})
    return Network(model, recipe.objective).eval()


def silent(model):
    """Let neither half look at its input: the output is 0 and the posterior is the prior."""
    with torch.no_grad():
        for parameter in (*model.encoder.parameters(), *model.latent.parameters()):
            parameter.zero_()
        for parameter in model.decoder.parameters():
            parameter.zero_()
    return model


@pytest.fixture(scope="module")
def few(small):
    """Forty test examples."""
    return replace(small, test=small.test[:40])


def test_the_standard_error_is_that_of_draws_written_out(few, monkeypatch):
    """Against variances over the draws of each image, in NumPy."""
    monkeypatch.setattr(method, "MAX_SAMPLES", 4)
    seen, add = [], method._Bound.add
    monkeypatch.setattr(
        method._Bound, "add", lambda self, *draw: seen.append(draw[1]) or add(self, *draw)
    )
    latent = measure_latent(build(), few)
    draws = np.array([nats[:, :2].sum(1).numpy() for nats in seen])
    assert draws.shape == (4, 40)
    assert latent.elbo == pytest.approx(-draws.mean())
    expected = math.sqrt((draws.var(0, ddof=1) / 4).sum()) / 40
    assert latent.elbo_se == pytest.approx(expected)


def test_the_standard_error_is_how_much_another_seed_moves_the_bound(few, monkeypatch):
    monkeypatch.setattr(method, "MAX_SAMPLES", 4)
    model = build()
    latents = [measure_latent(model, replace(few, seed=seed)) for seed in range(60)]
    spread = np.std([latent.elbo for latent in latents], ddof=1)
    assert latents[0].elbo_se == pytest.approx(spread, rel=0.4)


def test_codes_are_drawn_until_the_bound_is_known_or_for_long_enough(few, monkeypatch):
    model = build()
    monkeypatch.setattr(method, "MAX_ERROR", 1e9)
    first = measure_latent(model, few)
    assert first.samples == 4
    monkeypatch.setattr(method, "MAX_ERROR", first.elbo_se / 2)
    closer = measure_latent(model, few)
    assert 8 < closer.samples < 40
    assert closer.elbo_se <= first.elbo_se / 2
    monkeypatch.setattr(method, "MAX_ERROR", 1e-9)
    assert measure_latent(model, few).samples == 64


def test_what_draws_no_codes_has_no_error(few):
    changes = {"model.encoder.channels": [4, 8], "model.latent.codes": 16}
    recipe = override(load_recipe("vq-vae"), changes)
    inputs = InputConfig(shape=(1, 28, 28), range=(0, 255), labels=0)
    model = Network(recipe.model.model_copy(update={"input": inputs}), recipe.objective).eval()
    latent = measure_latent(model, few)
    assert (latent.samples, latent.elbo_se) == (1, None)


def test_plain_codes_that_a_term_draws_to_the_prior_are_compared_with_it(few):
    """Against the divergence of torch's distributions."""
    model = build(name="wae-mmd")
    latent = measure_latent(model, few)
    codes = model.encode(torch.from_numpy(few.dataset.images.take(few.test))).double()
    moments = codes.mean(0), torch.cov(codes.T, correction=0)
    prior = MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
    expected = kl_divergence(MultivariateNormal(*moments), prior).item()
    assert latent.mismatch == pytest.approx(expected, rel=1e-4)
    assert latent.mmd == pytest.approx(discrepancy(codes), abs=0.05)
    assert (latent.kind, latent.n, latent.samples) == ("point", 40, 1)
    assert {latent.rate, latent.distortion, latent.elbo, latent.likelihood} == {None}
    assert latent_kinds(latent) == {}
    assert measure_latent(build(name="simple-20"), few) is None


def discrepancy(codes):
    """Against many codes of the prior, by a kernel written out."""
    torch.manual_seed(1)
    both = torch.cat([codes, torch.randn(2000, 3).double()])
    kernel = 6 / (6 + torch.cdist(both, both).square())
    first, second = kernel[:40, :40], kernel[40:, 40:]
    within = [(part.sum() - len(part)) / (len(part) * (len(part) - 1)) for part in (first, second)]
    return (sum(within) - 2 * kernel[:40, 40:].mean()).item()


def test_codes_that_are_all_the_same_have_no_mismatch(few):
    latent = measure_latent(silent(build(name="wae-mmd")), few)
    assert latent.mismatch is None
    assert math.isfinite(latent.mmd)


@pytest.mark.parametrize(
    ("likelihood", "grey", "black_and_white"),
    [
        ("bernoulli", SCORE, BINARY),
        ("gaussian", DENSITY, DENSITY),
        ("continuous_bernoulli", DENSITY, DENSITY),
        ("discretised_logistic", EIGHT_BITS, EIGHT_BITS),
        ({"kind": "discretised_logistic", "levels": 2}, BINARY, BINARY),
    ],
)
def test_the_kind_of_a_likelihood_depends_on_the_pixels(few, likelihood, grey, black_and_white):
    model = build(likelihood)
    assert likelihood_kind(model, few) == grey
    assert likelihood_kind(model, binarize_split(few, "static")) == black_and_white


def test_data_that_are_black_and_white_by_themselves_are_binary(few):
    images = (np.asarray(few.dataset.images) > 127).astype(np.uint8)
    data = Dataset("drawings", images, value_range=(0.0, 1.0))
    assert is_binary(replace(few, dataset=data))
    assert not is_binary(few)


def test_scores_have_no_bits_and_probabilities_have_those_of_the_bound(few):
    assert measure_latent(build(), few).bits_per_dim is None
    latent = measure_latent(build("discretised_logistic"), few)
    assert latent.bits_per_dim == pytest.approx(-latent.elbo / math.log(2) / 784)
    assert (latent.levels, latent.is_dequantised) == (256, False)
    latent = measure_latent(build(), binarize_split(few, "static"))
    assert latent.bits_per_dim == pytest.approx(-latent.elbo / math.log(2) / 784)
    assert latent.levels == 2


def test_bits_of_a_density_bound_those_of_its_grey_levels(few):
    """Against SciPy: the log-density over each level, and the probability of the level itself."""
    model = silent(build({"kind": "gaussian", "variance": VARIANCE}))
    latent = measure_latent(model, few)
    assert latent.is_dequantised
    assert latent.rate == pytest.approx(0, abs=1e-6)
    normal, levels = stats.norm(0, math.sqrt(VARIANCE)), np.arange(256)
    edges = np.arange(257) / 256
    # The mean of a quadratic over a level of width h is its value in the middle and h^2/12 more.
    middles = (levels + 0.5) / 256
    over_level = normal.logpdf(middles) - 1 / (2 * VARIANCE) / 12 / 256**2
    exact = np.log(np.diff(normal.cdf(edges)))
    pixels = few.dataset.images[few.test].reshape(40, -1)
    bound = -(over_level[pixels] - math.log(256)).mean() / math.log(2)
    assert latent.bits_per_dim == pytest.approx(bound, rel=1e-4)
    assert bound > -exact[pixels].mean() / math.log(2)
    # The density of the grey levels as they are is another number, and no bits of them.
    assert latent.bits_per_dim != pytest.approx(-latent.elbo / math.log(2) / 784, rel=0.1)


def test_spread_levels_fill_the_unit_interval(few):
    noise = dequantisation(DENSITY, few.dataset)
    torch.manual_seed(0)
    values = noise.spread(torch.arange(256, dtype=torch.uint8).repeat(100)).reshape(100, 256)
    assert (values >= torch.arange(256) / 256).all()
    assert (values < torch.arange(1, 257) / 256).all()
    uniform = stats.kstest(values.flatten().numpy(), "uniform")
    assert uniform.pvalue > 0.01


@pytest.mark.parametrize(
    ("images", "value_range"),
    [
        (np.full((9, 4), 0.5, np.float32), (0.0, 1.0)),
        (np.full((9, 4), 200, np.uint8), (0.0, 99.0)),
        (np.full((9, 4), 1, np.uint8), (0.0, 1.5)),
    ],
)
def test_only_whole_numbers_within_their_range_are_dequantised(images, value_range):
    data = Dataset("x", images, value_range=value_range)
    assert dequantisation(DENSITY, data) is None
    assert dequantisation(SCORE, Dataset("x", np.zeros((2, 4), np.uint8))) is None
    assert dequantisation(DENSITY, Dataset("x", np.zeros((2, 4), np.uint8))).levels == 256


@pytest.mark.parametrize("name", ["vae", "vq"])
def test_of_many_test_examples_drawn_ones_say_what_codes_are_like(
    name, model_of, small, monkeypatch
):
    whole = measure_latent(model_of(name), small)
    assert whole.n_codes is None
    monkeypatch.setattr(subsets, "MAX_EXAMPLES", 60)
    latent = measure_latent(model_of(name), small)
    assert (latent.n, latent.n_codes) == (100, 60)
    assert latent.elbo == whole.elbo  # Over all of them, as before.
    alone = measure_latent(model_of(name), small.limited())
    assert (latent.kl_per_dim, latent.perplexity) == (alone.kl_per_dim, alone.perplexity)
    assert (latent.mismatch, latent.mmd) == (alone.mismatch, alone.mmd)
