"""Log-likelihoods by importance sampling, and which pixels they are measured on."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from analyses.released import open_released
from latentscape.analyses.comparison import compare_codes
from latentscape.analyses.likelihood import ANALYSIS
from latentscape.analyses.likelihood.method import estimate_likelihood
from latentscape.analyses.likelihood.result import NLL, Likelihood, LikelihoodSettings
from latentscape.analyses.likelihood.sentences import describe_protocol, describe_warning
from latentscape.config import load_recipe, override
from latentscape.config.model import InputConfig
from latentscape.core.errors import ConfigError
from latentscape.core.progress import Listener, listening
from latentscape.core.records import Split
from latentscape.model import Network
from latentscape.runs import OpenRun
from synthetic import BINARY, DENSITY, EIGHT_BITS, SCORE


def build(name="vae-20", **changes):
    recipe = override(load_recipe(name), {"model.encoder.widths": [16], **changes})
    inputs = InputConfig(shape=(1, 28, 28), range=(0, 255), labels=0)
    torch.manual_seed(0)
    model = recipe.model.model_copy(update={"input": inputs})
    return Network(model, recipe.objective).eval()


@pytest.fixture(scope="module")
def vae() -> Network:
    return build(**{"model.latent.dim": 3})


@pytest.fixture(scope="module")
def few(small) -> Split:
    """Seven test examples."""
    return replace(small, test=small.test[:7])


@pytest.fixture
def opened(tmp_path) -> OpenRun:
    return open_released(tmp_path)


def measure(opened, **settings) -> Likelihood:
    settings = LikelihoodSettings(**{"samples": 50, **settings})
    return ANALYSIS.measure(compare_codes(opened), settings, ANALYSIS.inputs())


def test_a_decoder_that_ignores_its_code_has_a_likelihood_in_closed_form(few):
    """Where neither half looks at its input, each importance weight is the likelihood itself."""
    model = build()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    # All pixels have probability 1/2, and the posterior is the prior.
    estimates = estimate_likelihood(model, few, 3, seed=0)
    np.testing.assert_allclose(estimates, 784 * math.log(0.5), rtol=1e-5)


def test_more_samples_come_closer_from_below(vae, few):
    means = [estimate_likelihood(vae, few, samples, seed=0).mean() for samples in (1, 20, 2000)]
    assert means == sorted(means)
    assert means[0] < means[1]


def test_the_same_seed_draws_the_same_samples(vae, few):
    first, again, other = (estimate_likelihood(vae, few, 5, seed=seed) for seed in (0, 0, 1))
    assert first.dtype == np.float64
    assert first.shape == (7,)
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_memory_stays_bounded_whatever_is_asked_for(vae, few, monkeypatch):
    whole = estimate_likelihood(vae, few, 400, seed=0)
    sizes, outputs = [], vae.outputs
    monkeypatch.setattr("latentscape.analyses.likelihood.method.MAX_VALUES", 7 * 784 * 3)
    monkeypatch.setattr(
        vae, "outputs", lambda z, labels: sizes.append(len(z)) or outputs(z, labels)
    )
    bounded = estimate_likelihood(vae, few, 400, seed=0)
    assert set(sizes) == {3, 1}
    assert sum(sizes) == 400
    np.testing.assert_allclose(bounded, whole, rtol=0.02)


def test_progress_is_shown_piece_by_piece(vae, small):
    done = []

    class Pieces(Listener):
        def on_advance(self, stage):
            done.append((stage.name, stage.done))

    with listening(Pieces()):
        estimate_likelihood(vae, small, 1, 0)
    assert done == [("likelihood", 50), ("likelihood", 100)]


def test_a_run_is_measured_on_its_own_pixels(opened):
    result = measure(opened)
    facts = result.protocol
    assert (facts.n, facts.binarize, facts.trained_on) == (40, "none", "none")
    assert result.nll > 0
    assert result.se > 0
    assert (facts.likelihood, result.bits_per_dim) == (SCORE, None)
    assert describe_warning(result) == ""
    assert Likelihood.model_validate_json(result.model_dump_json()) == result
    assert measure(opened) == result


def test_black_and_white_pixels_are_drawn_by_the_data_or_by_the_measurement(opened):
    grey, static, dynamic, other = (
        measure(opened, binarize="none"),
        measure(opened, binarize="static"),
        measure(opened, binarize="dynamic"),
        measure(opened, binarize="dynamic", seed=1),
    )
    assert len({result.nll for result in (grey, static, dynamic, other)}) == 4
    assert measure(opened).nll == grey.nll
    for result in (static, dynamic):
        assert "trained on grey pixels and is measured on black and white" in describe_warning(
            result
        )
        assert result.protocol.likelihood == BINARY
        assert result.bits_per_dim == pytest.approx(result.nll / math.log(2) / 4)


def test_a_part_of_the_examples_can_be_measured(opened):
    result = measure(opened, examples=1)
    assert result.protocol.n == 1
    assert result.se is None


def test_what_is_customary_is_beside_what_was_reported(opened):
    run = opened.findings
    result = measure(opened).model_copy(update={"settings": LikelihoodSettings()})
    assert ANALYSIS.not_customary(result, run) == ()
    assert ANALYSIS.not_customary(measure(opened), run) == (NLL,)  # Too few samples.
    for changes in ({"binarize": "static"}, {"n": 39}):
        facts = result.protocol.model_copy(update=changes)
        other = result.model_copy(update={"protocol": facts})
        assert ANALYSIS.not_customary(other, run) == (NLL,)


def test_codes_alone_have_no_likelihood():
    comparison = compare_codes(codes={"z": np.random.default_rng(0).random((20, 2))})
    with pytest.raises(ConfigError, match="no model"):
        ANALYSIS.measure(comparison, LikelihoodSettings(), ANALYSIS.inputs())


def test_plain_codes_have_no_likelihood(opened):
    comparison = compare_codes(opened)
    opened.__dict__["model"] = build("simple-20")
    with pytest.raises(ConfigError, match="kind point.*such as vae-20"):
        ANALYSIS.measure(comparison, LikelihoodSettings(), ANALYSIS.inputs())
    assert not ANALYSIS.applies_to(load_recipe("simple-20"))
    assert ANALYSIS.applies_to(load_recipe("vae-20"))


@pytest.mark.parametrize(
    ("facts", "phrases"),
    [
        ({}, ["50 importance samples for each of 40 test images; grey", "scores, not"]),
        ({"likelihood": DENSITY}, ["grey pixels as they are", "not of probabilities"]),
        ({"likelihood": EIGHT_BITS}, ["grey pixels as they are", "of 8-bit data"]),
        ({"is_conditional": True}, ["images, given their true labels; grey", "scores"]),
        ({"binarize": "static"}, ["black or white once, with the data's seed", ""]),
        ({"binarize": "dynamic"}, ["black or white with the seed of this measurement", ""]),
    ],
)
def test_protocols_say_what_was_measured(opened, facts, phrases):
    result = measure(opened)
    protocol = result.protocol.model_copy(update=facts)
    sentences = describe_protocol(result.model_copy(update={"protocol": protocol}))
    assert len(sentences) == len(phrases)
    assert all(phrase in text for phrase, text in zip(phrases, sentences, strict=True))


def test_a_model_of_black_and_white_pixels_is_warned_of_grey_ones(opened):
    result = measure(opened)
    protocol = result.protocol.model_copy(update={"trained_on": "dynamic"})
    warning = describe_warning(result.model_copy(update={"protocol": protocol}))
    assert "trained on black and white pixels and is measured on grey ones" in warning
