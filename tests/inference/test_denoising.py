import numpy as np
import pytest
import torch

from latentscape.config import CorruptionConfig
from latentscape.core.findings import take_arrays
from latentscape.inference.batches import stored
from latentscape.inference.denoising import denoise
from latentscape.reporting.sentences import describe_denoising

NOISE = [
    CorruptionConfig(kind="gaussian", amount=0.3),
    CorruptionConfig(kind="masking", amount=0.25),
    CorruptionConfig(kind="salt_and_pepper", amount=0.2),
    CorruptionConfig(kind="block", amount=0.5),
]


@pytest.fixture
def examples(small):
    return stored(small.dataset, small.examples(4))


@pytest.mark.parametrize("corruption", NOISE, ids=lambda noise: noise.kind)
def test_the_clean_row_is_untouched_and_the_others_are_what_they_say(
    model, small, examples, corruption
):
    result = denoise(model, small, examples, corruption, 0)
    clean, noisy, restored = result.clean, result.noisy, result.restored
    assert clean.shape == noisy.shape == restored.shape == (4, 1, 28, 28)
    assert np.array_equal(clean, examples[0].numpy() / np.float32(255))
    assert np.abs(noisy - clean).max() > 0.1
    with torch.inference_mode():
        codes = model.encode_scaled(torch.from_numpy(noisy), examples[1])
        again = model.decode(codes, examples[1])
    assert np.allclose(restored, again, atol=1e-5)


@pytest.mark.parametrize("kind", ["denoising"])
@pytest.mark.parametrize("corruption", NOISE, ids=lambda noise: noise.kind)
def test_the_same_seed_draws_the_same_noise_and_leaves_others_alone(
    model, small, examples, corruption
):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = (denoise(model, small, examples, corruption, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    (facts, arrays), (same_facts, same) = take_arrays(first), take_arrays(again)
    assert facts == same_facts
    assert all(np.array_equal(arrays[name], same[name]) for name in arrays)
    assert not np.array_equal(first.noisy, other.noisy)


@pytest.mark.parametrize("kind", ["denoising"])
def test_errors_are_those_of_the_test_part(model, small, examples):
    """Masking a share of pixels of value x costs share * x^2 in the mean."""
    result = denoise(model, small, examples, NOISE[1], 0)
    images = small.dataset.images[small.test] / 255
    assert result.mse_noisy == pytest.approx(0.25 * np.square(images).mean(), rel=0.03)
    assert result.kind == "masking"
    assert result.amount == 0.25
    assert 0.1 < result.mse_restored < 0.5  # Untrained: about half grey.


@pytest.mark.parametrize(
    ("kind", "corruption", "words"),
    [
        ("denoising", NOISE[1], "25 % of the values set to 0"),
        ("denoising", NOISE[0], "trained with other noise"),
        ("vae", NOISE[3], "trained without noise"),
    ],
)
def test_the_caption_says_which_noise(model, small, examples, corruption, words):
    about = describe_denoising(denoise(model, small, examples, corruption, 0))
    assert words in about
    assert "100 test images" in about
