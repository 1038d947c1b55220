import pytest
import torch

from latentscape.config import CorruptionConfig
from latentscape.model.corruption import CORRUPTIONS, corrupt

IMAGES = 0.25 + 0.5 * torch.rand(200, 2, 10, 20, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=CORRUPTIONS)
def kind(request):
    return request.param


def corrupted(kind, amount, images=IMAGES):
    return corrupt(CorruptionConfig(kind=kind, amount=amount), images)


def test_the_given_images_are_left_alone(kind):
    before = IMAGES.clone()
    seen = corrupted(kind, 0.5)
    assert torch.equal(IMAGES, before)
    assert seen.shape == IMAGES.shape
    assert seen.dtype == IMAGES.dtype
    assert not torch.equal(seen, IMAGES)


def test_without_corruption_nothing_is_copied():
    assert corrupt(None, IMAGES) is IMAGES


def test_the_same_seed_corrupts_alike_and_each_image_in_its_own_way(kind):
    def drawn(seed):
        torch.manual_seed(seed)
        return corrupted(kind, 0.3, torch.ones(50, 1, 10, 20))

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert len(drawn(1).unique(dim=0)) > 20


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(("kind", "values"), [("masking", [0.0]), ("salt_and_pepper", [0.0, 1.0])])
def test_the_share_asked_for_is_changed(kind, values, amount):
    seen = corrupted(kind, amount)
    changed = seen != IMAGES
    four_errors = 4 * (0.25 / IMAGES.numel()) ** 0.5
    assert changed.double().mean().item() == pytest.approx(amount, abs=four_errors)
    assert seen[changed].unique().tolist() == values
    # Salt is as likely as pepper.
    white = (seen == 1).double().mean().item()
    assert white == pytest.approx(amount * (len(values) - 1) / 2, abs=four_errors)


@pytest.mark.parametrize("amount", [0.1, 2.0])
def test_noise_has_the_deviation_asked_for(amount):
    noise = (corrupted("gaussian", amount) - IMAGES).double()
    assert noise.mean().item() == pytest.approx(0, abs=4 * amount / noise.numel() ** 0.5)
    assert noise.std().item() == pytest.approx(amount, rel=0.02)


@pytest.mark.parametrize("shape", [(7,), (2, 3)])
@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_and_pepper"])
def test_vectors_are_corrupted_too(kind, shape):
    """Blocks are cut from images alone: a model of vectors refuses them."""
    assert corrupted(kind, 0.5, torch.rand(5, *shape)).shape == (5, *shape)


@pytest.mark.parametrize(("amount", "rows", "columns"), [(0.01, 1, 1), (0.3, 3, 6), (1.0, 10, 20)])
def test_a_block_hides_one_rectangle_and_all_channels_of_it(amount, rows, columns):
    hidden = corrupted("block", amount) == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    for image in hidden[:, 0]:
        places = image.nonzero()
        low, high = places.min(0).values, places.max(0).values
        assert (high - low + 1).tolist() == [rows, columns]
        assert len(places) == rows * columns


def test_a_block_can_be_anywhere():
    hidden = corrupted("block", 0.5, IMAGES.repeat(10, 1, 1, 1))[:, 0] == 0
    assert hidden.any(0).all()
