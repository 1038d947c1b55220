import numpy as np
import pytest
import torch

from latentscape.config import CorruptionConfig
from latentscape.inference.batches import stored
from latentscape.inference.denoising import denoise

NOISE = [
    CorruptionConfig(kind="gaussian", amount=0.3),
    CorruptionConfig(kind="masking", amount=0.25),
    CorruptionConfig(kind="salt_and_pepper", amount=0.2),
    CorruptionConfig(kind="block", amount=0.5),
]


@pytest.fixture
def shown(small):
    return stored(small.dataset, small.examples(4))


@pytest.mark.parametrize("corruption", NOISE, ids=lambda noise: noise.kind)
def test_the_clean_row_is_untouched_and_the_others_are_what_they_say(
    model, small, shown, corruption
):
    found = denoise(model, small, shown, corruption, 0)
    clean, noisy, restored = found.images
    assert found.images.shape == (3, 4, 1, 28, 28)
    assert np.array_equal(clean, shown[0].numpy() / np.float32(255))
    assert np.abs(noisy - clean).max() > 0.1
    with torch.inference_mode():
        again = model.reconstruct(torch.from_numpy(noisy * 255), shown[1])
    assert np.allclose(restored, again, atol=1e-5)


@pytest.mark.parametrize("kind", ["denoising"])
@pytest.mark.parametrize("corruption", NOISE, ids=lambda noise: noise.kind)
def test_the_same_seed_draws_the_same_noise_and_leaves_others_alone(
    model, small, shown, corruption
):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = (denoise(model, small, shown, corruption, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(first.images, again.images)
    assert first.facts == again.facts
    assert not np.array_equal(first.images[1], other.images[1])


@pytest.mark.parametrize("kind", ["denoising"])
def test_errors_are_those_of_the_test_part(model, small, shown):
    """Masking a share of pixels of value x costs share * x^2 in the mean."""
    facts = denoise(model, small, shown, NOISE[1], 0).facts
    images = small.dataset.images[small.test] / 255
    assert facts["mse_noisy"] == pytest.approx(0.25 * np.square(images).mean(), rel=0.03)
    assert facts["kind"] == "masking"
    assert facts["amount"] == 0.25
    assert 0.1 < facts["mse_restored"] < 0.5  # Untrained: about half grey.


@pytest.mark.parametrize(
    ("kind", "corruption", "words"),
    [
        ("denoising", NOISE[1], "25 % of the values set to 0"),
        ("denoising", NOISE[0], "trained with other noise"),
        ("vae", NOISE[3], "trained without noise"),
    ],
)
def test_the_caption_says_which_noise(model, small, shown, corruption, words):
    about = denoise(model, small, shown, corruption, 0).about
    assert words in about
    assert "100 test images" in about
