"""The shapes of X: images with their axes in any usual order, flat images, plain vectors."""

import numpy as np
import pytest

from latentscape import Autoencoder, DataError

from .layouts import LAYOUTS, in_layout


def test_every_layout_means_the_same(images, quick):
    plain = quick("conv-bn", latent_dim=3).fit(images[:60])
    expected = plain.reconstruct(images[:60])
    for layout in LAYOUTS:
        X = in_layout(images[:60], layout)
        shape = (28, 28) if layout == "flat" else None
        estimator = quick("conv-bn", latent_dim=3, image_shape=shape).fit(X)
        assert estimator.recipe_.model.input.shape == (1, 28, 28)
        codes = estimator.transform(X)
        np.testing.assert_array_equal(codes, plain.transform(images[:60]))
        reconstructions = estimator.inverse_transform(codes)
        assert reconstructions.shape == X.shape
        np.testing.assert_array_equal(reconstructions.ravel(), expected.ravel())


def test_transform_takes_another_layout_than_fit(images, fitted):
    for layout in LAYOUTS:
        codes = fitted.transform(in_layout(images[:9], layout))
        np.testing.assert_array_equal(codes, fitted.transform(images[:9]))


def test_colour_goes_in_and_comes_out_as_colour(images, quick):
    colour = np.stack([images[:40], 255 - images[:40], images[:40] // 2], axis=-1)
    channels_first = np.moveaxis(colour, -1, 1)
    last = quick("conv-bn", latent_dim=2).fit(colour)
    first = quick("conv-bn", latent_dim=2).fit(channels_first)
    assert last.recipe_.model.input.shape == (3, 28, 28)
    assert last.reconstruct(colour).shape == colour.shape
    np.testing.assert_array_equal(last.transform(colour), first.transform(channels_first))


def test_images_without_axes_that_look_like_channels(quick):
    X = np.random.default_rng(0).random((20, 5, 8, 9))
    with pytest.raises(DataError, match="channels"):
        quick("conv-bn").fit(X)
    assert quick("conv-bn", image_shape=(5, 8, 9)).fit(X).recipe_.model.input.shape == (5, 8, 9)


def test_a_convolution_wants_images(images):
    with pytest.raises(DataError, match=r"image_shape=\(height, width\)"):
        Autoencoder("conv-bn").fit(in_layout(images, "flat"))
    with pytest.raises(DataError, match=r"image_shape is \(20, 20\)"):
        Autoencoder(image_shape=(20, 20)).fit(in_layout(images, "flat"))


def test_images_and_their_flat_vectors_are_arranged_alike(images, quick):
    colour = np.stack([images[:40], 255 - images[:40], images[:40] // 2], axis=-1)
    estimator = quick().fit(colour.reshape(40, -1))
    np.testing.assert_array_equal(
        estimator.transform(colour), estimator.transform(colour.reshape(40, -1))
    )


def test_image_shapes(quick, tmp_path):
    for image_shape, example_shape, network_shape in [
        ((1, 8, 4), (1, 8, 4), (1, 8, 4)),
        ((1, 8, 4), (32,), (1, 8, 4)),
        ((1, 8, 9), (8, 9), (1, 8, 9)),
        ((8, 9), (8, 9, 1), (1, 8, 9)),
        ((8, 9, 3), (216,), (3, 8, 9)),
        (np.array([8, 9]), (72,), (1, 8, 9)),
    ]:
        X = np.random.default_rng(0).random((20, *example_shape))
        estimator = quick("conv-bn", image_shape=image_shape, latent_dim=2).fit(X)
        assert estimator.layout_.network_shape == network_shape
        assert estimator.reconstruct(X).shape == X.shape
        estimator.save(tmp_path / "model.safetensors")


def test_old_names_of_a_layout_warn(fitted):
    for old, new in {
        "given": "example_shape",
        "image": "image_shape",
        "seen": "network_shape",
    }.items():
        with pytest.warns(DeprecationWarning, match=f"called {new}"):
            assert getattr(fitted.layout_, old) == getattr(fitted.layout_, new)
    with pytest.raises(AttributeError, match="no attribute 'shape'"):
        fitted.layout_.shape  # noqa: B018


def test_images_of_another_shape(fitted, quick):
    with pytest.raises(DataError, match=r"examples of shape \(14, 56\)"):
        fitted.transform(np.zeros((2, 14, 56)))
    with pytest.raises(DataError, match="5 axes"):
        quick().fit(np.zeros((3, 2, 2, 2, 2)))
