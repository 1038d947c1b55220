"""Walks through the latent space, for every kind of latent."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from latentscape.core.errors import ConfigError
from latentscape.inference.batches import stored
from latentscape.inference.codec import reconstruct_with
from latentscape.inference.samples import decode, draw_samples, training_codes
from latentscape.inference.walks import interpolate, lerp, manifold, slerp, traverse
from latentscape.reporting.sentences import (
    describe_interpolation,
    describe_manifold,
    describe_traversals,
)

CONTINUOUS = ["plain", "plain-cond", "vae", "cond", "vamp", "wae"]
PLANES = ["plain-2", "plain-cond", "vae-2", "cond-2"]


@pytest.fixture
def ends(small):
    """Two pairs of test images; of either, both have the same label."""
    return stored(small.dataset, small.examples(20)[[3, 13, 5, 15]])


@pytest.fixture
def example(small):
    return stored(small.dataset, small.examples()[4:5])


@pytest.fixture
def directions():
    return torch.randn(2, 50, 20, generator=torch.Generator().manual_seed(0))


def test_an_interpolation_ends_in_the_reconstructions(model, ends):
    found = interpolate(model, ends, 5, "linear")
    assert found.images.shape == (2, 5, 1, 28, 28)
    expected = reconstruct_with(model)(*ends)
    assert np.allclose(found.images[:, 0], expected[::2], atol=1e-5)
    assert np.allclose(found.images[:, -1], expected[1::2], atol=1e-5)


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_so_does_a_spherical_one(model, ends):
    found = interpolate(model, ends, 5, "spherical")
    expected = reconstruct_with(model)(*ends)
    assert np.allclose(found.images[:, 0], expected[::2], atol=1e-5)
    assert np.allclose(found.images[:, -1], expected[1::2], atol=1e-5)
    assert found.path == "spherical"
    assert "arc" in describe_interpolation(found)


@pytest.mark.parametrize("kind", ["vae", "plain"])
def test_the_middle_of_a_straight_line_is_the_mean_code(model, ends):
    with torch.inference_mode():
        middle = model.decode(model.encode(ends[0]).reshape(2, 2, -1).mean(1))
    assert np.allclose(interpolate(model, ends, 3, "linear").images[:, 1], middle, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "path"),
    [("vae", "spherical"), ("cond", "spherical"), ("vamp", "linear"), ("plain", "linear")],
)
def test_the_path_follows_the_prior(model, ends, path):
    assert interpolate(model, ends, 3).path == path


@pytest.mark.parametrize("kind", ["cond"])
def test_a_row_is_decoded_with_the_label_of_its_first_image(model, small):
    images, labels = stored(small.dataset, small.examples()[:2])
    found = interpolate(model, (images, labels), 4)
    codes = model.encode(images, labels)
    last = decode(model, codes[1:].detach(), labels[:1])
    assert np.allclose(found.images[0, -1], last[0], atol=1e-5)
    assert "label of its first image" in describe_interpolation(found)


@pytest.mark.parametrize("kind", ["vq"])
def test_a_quantised_path_consists_of_codebook_vectors(model, ends, monkeypatch):
    from latentscape.inference import walks

    model, decoded = deepcopy(model), []
    torch.manual_seed(0)
    model.train()(ends[0])  # The codebook starts from vectors of these images.
    model.eval()
    codebook = model.latent.codebook
    original = walks.decode

    def record(model, codes, labels):
        decoded.append(codes)
        return original(model, codes, labels)

    monkeypatch.setattr(walks, "decode", record)
    walks.interpolate(model, ends, 7)
    vectors = decoded[0].reshape(2, 7, codebook.shape[1], -1).transpose(-2, -1)
    distance = (vectors.reshape(-1, 1, codebook.shape[1]) - codebook).abs().amax(-1)
    assert (distance.amin(1) == 0).all()
    assert len(distance.argmin(1).unique()) > 4
    with torch.inference_mode():
        assert torch.equal(decoded[0][:, 0], model.encode(ends[0])[::2])


@pytest.mark.parametrize("kind", ["vq"])
def test_there_is_no_sphere_of_codebook_vectors(model, ends):
    with pytest.raises(ConfigError, match="do not lie on a sphere.*--path linear"):
        interpolate(model, ends, 3, "spherical")


@pytest.mark.parametrize("kind", ["vae"])
def test_a_path_that_does_not_exist(model, ends):
    with pytest.raises(ConfigError, match="Did you mean 'spherical'"):
        interpolate(model, ends, 3, "spheric")


def test_slerp_keeps_the_norm_where_both_have_the_same(directions):
    first, second = torch.nn.functional.normalize(directions, dim=-1) * 4
    along = torch.linspace(0, 1, 9)
    path = slerp(first, second, along)
    assert path.shape == (50, 9, 20)
    assert torch.allclose(path.norm(dim=-1), torch.tensor(4.0))
    assert (lerp(first, second, along).norm(dim=-1)[:, 4] < 3.5).all()


def test_slerp_takes_even_angles(directions):
    path = torch.nn.functional.normalize(slerp(*directions, torch.linspace(0, 1, 5)), dim=-1)
    angles = torch.arccos((path[:, 1:] * path[:, :-1]).sum(-1))
    norms = directions.norm(dim=-1)
    same = (norms[0] / norms[1] - 1).abs() < 0.05
    assert torch.allclose(angles[same], angles[same].mean(1, keepdim=True), atol=0.02)


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0, 0.0])
def test_slerp_takes_the_straight_line_where_there_is_no_arc(directions, factor):
    first = directions[0]
    along = torch.linspace(0, 1, 5)
    path = slerp(first, factor * first, along)
    assert torch.isfinite(path).all()
    if factor:
        assert torch.allclose(path, lerp(first, factor * first, along), atol=1e-5)


@pytest.mark.parametrize("path", [lerp, slerp])
def test_paths_end_exactly_where_they_should(directions, path):
    found = path(*directions, torch.linspace(0, 1, 7))
    assert torch.equal(found[:, 0], directions[0])
    assert torch.equal(found[:, -1], directions[1])


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_a_traversal_moves_one_number_through_its_span(model, small, example):
    found = traverse(model, small, example, 5, 3)
    dims, spans = found.dims, found.spans
    assert len(set(dims)) == len(dims) == len(spans) == min(3, model.latent_dim)
    assert found.images.shape == (len(dims), 5, 1, 28, 28)
    with torch.inference_mode():
        code = model.encode(*example)
        for row, (dim, (low, high)) in enumerate(zip(dims, spans, strict=True)):
            for step, value in ((0, low), (2, (low + high) / 2), (4, high)):
                moved = code.clone()
                moved[0, dim] = value
                expected = model.decode(moved, example[1])
                assert np.allclose(found.images[row, step], expected[0], atol=1e-5)


@pytest.mark.parametrize("kind", ["vae"])
def test_under_the_standard_prior_the_most_informative_numbers_come_first(model, small, example):
    found = traverse(model, small, example, 3, 20)
    with torch.inference_mode():
        images, _ = stored(small.dataset, small.test)
        rate = model.posterior(images).rate().mean(0)
    assert found.dims == tuple(rate.argsort(descending=True).tolist())
    assert found.spans == ((-3.0, 3.0),) * 20
    assert "from −3 to 3" in describe_traversals(found)


@pytest.mark.parametrize("kind", ["plain", "vamp"])
def test_elsewhere_spans_are_those_of_the_codes_and_the_largest_change_comes_first(
    model, small, example
):
    found = traverse(model, small, example, 3, 20)
    dims, spans = list(found.dims), np.array(found.spans)
    codes = training_codes(model, small, 2000)
    assert np.allclose(spans, np.quantile(codes, (0.01, 0.99), axis=0).T[dims], atol=1e-5)
    change = np.square(found.images[:, -1] - found.images[:, 0]).mean((1, 2, 3))
    assert (np.diff(change) <= 1e-9).all()
    assert "percentile" in describe_traversals(found)


@pytest.mark.parametrize("kind", ["vae"])
def test_a_caption_says_that_rows_are_left_out(model, small, example):
    pictures = traverse(model, small, example, 2, 4)
    shown = ", ".join(str(dim) for dim in pictures.dims)
    assert f": {shown} of 20, counted from 0" in describe_traversals(pictures)
    assert "of 20" not in describe_traversals(traverse(model, small, example, 2, 20))


@pytest.mark.parametrize("kind", PLANES)
def test_a_manifold_is_a_grid_that_grows_to_the_right_and_upwards(model, small, monkeypatch):
    from latentscape.inference import walks

    seen = []

    def keep(model, codes, labels):
        seen.append(codes)
        return decode(model, codes, labels)

    monkeypatch.setattr(walks, "decode", keep)
    found = walks.manifold(model, small, 6)
    assert found.images.shape == (6, 6, 1, 28, 28)
    codes = seen[0]
    assert (codes[:, 1:, 0] > codes[:, :-1, 0]).all()
    assert (codes[1:, :, 1] < codes[:-1, :, 1]).all()
    assert torch.equal(codes[0, :, 0], codes[5, :, 0])


@pytest.mark.parametrize("kind", ["vae-2"])
def test_each_picture_of_a_manifold_stands_for_the_same_share_of_the_prior(model, small):
    found = manifold(model, small, 4)
    quantiles = torch.distributions.Normal(0, 1).icdf(torch.tensor([0.125, 0.375, 0.625, 0.875]))
    corner = torch.stack([quantiles[0], quantiles[3]])  # Top left.
    with torch.inference_mode():
        assert np.allclose(found.images[0, 0], model.decode(corner[None])[0], atol=1e-6)
    assert "share of the prior N(0, I)" in describe_manifold(found)


@pytest.mark.parametrize("kind", ["cond-2", "plain-cond"])
def test_a_manifold_has_a_label(model, small):
    first, again, other = (manifold(model, small, 3, label) for label in (None, "0", "4"))
    assert np.array_equal(first.images, again.images)
    assert not np.allclose(first.images, other.images)
    assert "label 4" in describe_manifold(other)


@pytest.mark.parametrize("kind", ["vae", "plain"])
def test_other_codes_have_no_plane(model, small):
    with pytest.raises(ConfigError, match=r"20 numbers have no plane.*--latent-dim 2"):
        manifold(model, small, 3)


@pytest.mark.parametrize("kind", ["vq"])
def test_codebooks_have_neither_traversals_nor_a_plane(model, small, example):
    with pytest.raises(ConfigError, match="no number of it can be moved alone"):
        traverse(model, small, example, 3, 3)
    with pytest.raises(ConfigError, match="no plane"):
        manifold(model, small, 3)


@pytest.mark.parametrize("kind", ["vae-2"])
def test_a_manifold_takes_no_label_of_a_model_without(model, small):
    with pytest.raises(ConfigError, match="not conditioned"):
        manifold(model, small, 3, "4")


def test_more_images_than_memory_holds_are_refused_at_once(model_of, small, ends, example):
    with pytest.raises(ConfigError, match=r"1,000,000,000 images needs .* TB of memory"):
        draw_samples(model_of("vae"), small, 10**9, 0)
    with pytest.raises(ConfigError, match=r"2,000,000,000 images needs .* TB"):
        interpolate(model_of("plain"), ends, 10**9)
    with pytest.raises(ConfigError, match=r"20,000,000,000 images needs .* TB"):
        traverse(model_of("vae"), small, example, 10**9, 20)
    with pytest.raises(ConfigError, match=r"10,000,000,000 images needs .* TB"):
        manifold(model_of("vae-2"), small, 10**5)
