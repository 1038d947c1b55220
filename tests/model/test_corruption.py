import pytest
import torch

from latentscape.config import CORRUPTIONS, CorruptionConfig
from latentscape.model.corruption import corrupt

IMAGES = 0.25 + 0.5 * torch.rand(200, 2, 10, 20, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=CORRUPTIONS)
def kind(request):
    return request.param


def corrupted(kind, amount, images=IMAGES):
    return corrupt(CorruptionConfig(kind=kind, amount=amount), images)


def spot(row, column):
    """A blurred spot in an image of 41 x 41."""
    rows, columns = torch.meshgrid(torch.arange(41.0), torch.arange(41.0), indexing="ij")
    return torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8)


def centres(images):
    """Where the mass of each image lies, in half sides from the middle: (n, 2)."""
    weights = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
    places = (torch.arange(41.0) - 20) / 20.5
    return torch.stack([(weights.sum(2) * places).sum(1), (weights.sum(1) * places).sum(1)], 1)


def test_the_given_images_are_left_alone(kind):
    before = IMAGES.clone()
    noisy = corrupted(kind, 0.5)
    assert torch.equal(IMAGES, before)
    assert noisy.shape == IMAGES.shape
    assert noisy.dtype == IMAGES.dtype
    assert not torch.equal(noisy, IMAGES)


def test_without_corruption_nothing_is_copied():
    assert corrupt(None, IMAGES) is IMAGES


def test_the_same_seed_corrupts_alike_and_each_image_in_its_own_way(kind):
    def drawn(seed):
        torch.manual_seed(seed)
        return corrupted(kind, 0.3, 1 + torch.ones(50, 1, 10, 20).tril())

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert len(drawn(1).unique(dim=0)) > 20


def test_an_affine_map_moves_what_is_in_the_middle_by_its_shift_alone():
    noisy = corrupted("affine", 0.2, spot(20, 20).expand(500, 1, 41, 41))
    moved = centres(noisy)
    # The inverse of 1 + a turns a shift of 0.2 into 0.2 / 0.8 at most, and shear adds to it.
    assert 0.15 < moved.abs().max() < 0.2 * 1.2 / (0.8**2 - 0.2**2) + 0.01
    assert moved.mean(0).tolist() == pytest.approx([0, 0], abs=0.03)


def test_an_affine_map_stretches_and_turns_what_is_off_the_middle():
    torch.manual_seed(0)
    at_rest = centres(corrupted("affine", 0.2, spot(20, 20).expand(500, 1, 41, 41)))
    torch.manual_seed(0)
    off = centres(corrupted("affine", 0.2, spot(20, 30).expand(500, 1, 41, 41)))
    arm = off - at_rest
    assert arm[:, 1].mean().item() == pytest.approx(10 / 20.5, rel=0.05)
    assert arm[:, 0].std() > 0.03  # turned and sheared
    assert arm[:, 1].std() > 0.03  # stretched


def test_an_affine_map_repeats_the_border():
    assert torch.allclose(
        corrupted("affine", 1.0, torch.full((9, 2, 10, 20), 0.7)), torch.tensor(0.7)
    )


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(("kind", "values"), [("masking", [0.0]), ("salt_and_pepper", [0.0, 1.0])])
def test_the_share_asked_for_is_changed(kind, values, amount):
    noisy = corrupted(kind, amount)
    changed = noisy != IMAGES
    four_errors = 4 * (0.25 / IMAGES.numel()) ** 0.5
    assert changed.double().mean().item() == pytest.approx(amount, abs=four_errors)
    assert noisy[changed].unique().tolist() == values
    # Salt is as likely as pepper.
    white = (noisy == 1).double().mean().item()
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
