"""Samples, for every kind of latent."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.core.errors import ConfigError, DataError
from latentscape.core.findings import take_arrays
from latentscape.inference.samples import (
    choose_source,
    decode,
    draw_samples,
    find_label,
    training_codes,
)
from latentscape.reporting.sentences import describe_samples

DEFAULTS = {"plain": "gmm", "denoising": "gmm", "vae": "prior", "vamp": "vamp", "wae": "prior"}


@pytest.fixture(scope="module")
def without_nine(small):
    """The split, with no 9 to train on."""
    labels = small.dataset.labels[small.train]
    return replace(small, train=small.train[labels != 9])


def test_the_same_seed_draws_the_same_bits_and_the_caption_says_from_where(model, small):
    first, again, other = (draw_samples(model, small, 5, seed) for seed in (1, 1, 2))
    assert first.images.shape == (5, 1, 28, 28)
    assert first.images.dtype == np.float32
    assert take_arrays(first)[0] == take_arrays(again)[0]
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)
    about = describe_samples(first)
    assert any(word in about for word in ("prior", "Prior", "mixture", "N(0, I)"))
    assert "Seed 1" in about
    assert ("the term mmd" in about) == ("mmd" in model.objective.config.weights)


@pytest.mark.parametrize("kind", ["vamp"])
def test_a_mixture_repeats_itself_too(model, small):
    first, again = (draw_samples(model, small, 40, 3, "gmm") for _ in range(2))
    assert np.array_equal(first.images, again.images)
    assert first.source == "gmm"


@pytest.mark.parametrize(("kind", "source"), DEFAULTS.items())
def test_codes_come_from_the_prior_where_there_is_one(model, small, kind, source):
    samples = draw_samples(model, small, 2, 0)
    assert choose_source(model) == source
    assert samples.source == {"wae": "mmd"}.get(kind, source)
    assert samples.labels is None


@pytest.mark.parametrize("kind", ["vae", "vq"])
def test_samples_are_those_of_the_model_itself(model, small):
    from latentscape.core.randomness import generator

    with torch.inference_mode():
        own = model.sample(6, generator=generator(4, "samples"))
    assert np.allclose(draw_samples(model, small, 6, 4).images, own, atol=1e-6)


@pytest.mark.parametrize("kind", ["plain", "denoising"])
def test_a_prior_that_the_model_never_saw_is_called_so(model, small):
    samples = draw_samples(model, small, 2, 0, "prior")
    assert samples.source == "normal"
    assert "never trained on such codes" in describe_samples(samples)


@pytest.mark.parametrize("kind", ["cond", "plain-cond"])
def test_labels_take_turns_or_are_all_the_same(model, small):
    turns = draw_samples(model, small, 12, 0)
    assert turns.labels == (*"0123456789", "0", "1")
    assert "take turns" in describe_samples(turns)
    seven = draw_samples(model, small, 3, 0, label="7")
    assert seven.labels == ("7",) * 3
    assert "of the label 7" in describe_samples(seven)


@pytest.mark.parametrize("kind", ["cond"])
def test_the_label_reaches_the_decoder(model, small):
    first, second = (draw_samples(model, small, 3, 0, label=label).images for label in "37")
    assert not np.allclose(first, second)


@pytest.mark.parametrize("kind", ["plain-cond"])
def test_a_mixture_is_fitted_to_the_codes_of_the_label(model, small, monkeypatch):
    """Codes of each label are moved to a place of their own, where its mixture has to find them."""
    from latentscape.inference import samples as generation

    def placed(model, split, at_most, label=None):
        return (np.arange(100).reshape(50, 2) % 7 + 1000 * label).astype(np.float32)

    seen = []

    def keep(model, codes, labels):
        seen.append((codes, labels))
        return decode(model, codes, labels)

    monkeypatch.setattr(generation, "training_codes", placed)
    monkeypatch.setattr(generation, "decode", keep)
    draw_samples(model, small, 30, 0)
    codes, labels = seen[0]
    assert torch.equal((codes / 1000).round().mean(1), labels.float())


@pytest.mark.parametrize("kind", ["plain"])
def test_a_mixture_has_the_moments_of_the_codes(model, small):
    from latentscape.inference.samples import draw_from_mixture

    codes = training_codes(model, small, 10_000)
    drawn = draw_from_mixture(codes, 20_000, 0).numpy()
    assert np.allclose(drawn.mean(0), codes.mean(0), atol=0.05 * codes.std())
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.1 * codes.var())
    halves = drawn[:10_000].mean(0) - drawn[10_000:].mean(0)
    assert np.abs(halves).max() < 0.1 * codes.std()  # Not sorted by component.


@pytest.mark.parametrize("kind", ["plain", "vae"])
@pytest.mark.parametrize("seed", [-1, 2**70])
def test_any_whole_number_is_a_seed(model, small, seed):
    assert draw_samples(model, small, 2, seed).images.shape == (2, 1, 28, 28)


@pytest.mark.parametrize("kind", ["plain"])
def test_codes_that_are_all_alike_have_a_mixture_too(model):
    from latentscape.inference.samples import draw_from_mixture

    drawn = draw_from_mixture(np.full((300, 20), 3, np.float32), 4, 0)
    assert np.allclose(drawn, 3, atol=0.1)


@pytest.mark.parametrize("kind", ["plain"])
def test_too_few_codes_for_a_mixture(model, small):
    split = replace(small, train=small.train[:209])
    with pytest.raises(DataError, match=r"209 training examples.*20 numbers.*210 at least.*prior"):
        draw_samples(model, split, 2, 0)
    assert draw_samples(model, replace(small, train=small.train[:210]), 2, 0)


@pytest.mark.parametrize("kind", ["cond"])
def test_too_few_codes_of_one_label(model, small):
    with pytest.raises(DataError, match=r"50 training examples with the label 7"):
        draw_samples(model, small, 2, 0, "gmm", "7")


@pytest.mark.parametrize(
    ("kind", "source", "words"),
    [
        ("vae", "vamp", "no VampPrior"),
        ("plain", "vamp", "no VampPrior"),
        ("vq", "gmm", "between the vectors of the codebook"),
        ("vae", "gnm", "Did you mean 'gmm'"),
    ],
)
def test_sources_that_a_model_does_not_have(model, small, source, words):
    with pytest.raises(ConfigError, match=words):
        draw_samples(model, small, 2, 0, source)


@pytest.mark.parametrize("kind", ["vae", "vq", "plain"])
def test_a_label_asked_of_a_model_without(model, small):
    with pytest.raises(ConfigError, match="not conditioned on labels.*cond-vae.*--condition label"):
        draw_samples(model, small, 2, 0, label="7")


@pytest.mark.parametrize("kind", ["cond"])
def test_a_label_that_was_never_trained_on(model, small, without_nine):
    with pytest.raises(ConfigError, match=r"no label called 'seven'.*one of 0, 1, 2"):
        draw_samples(model, small, 2, 0, label="seven")
    with pytest.raises(ConfigError, match=r"No training example had the label '9'.*0, 1, .*, 8\."):
        draw_samples(model, without_nine, 2, 0, label="9")
    assert find_label(model, without_nine, "8") == 8
    assert draw_samples(model, without_nine, 10, 0).labels == (*"012345678", "0")


def test_decoding_in_batches_changes_nothing(model, monkeypatch):
    from latentscape.inference import samples as generation

    codes = torch.randn(3, 4, model.latent_dim, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([1, 2, 3])
    whole = decode(model, codes, labels)
    assert whole.shape == (3, 4, 1, 28, 28)
    monkeypatch.setattr(generation, "BATCH", 5)
    assert np.allclose(whole, decode(model, codes, labels), atol=1e-6)
    assert np.allclose(whole[1], decode(model, codes[1], labels[1:2]), atol=1e-6)
