"""Conversions of images: to grey, and to another size."""

import numpy as np
import pytest
from PIL import Image

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import load_dataset
from latentscape.data.imaging import has_colours, resized, to_grey


@pytest.fixture
def colours():
    return np.random.default_rng(0).integers(0, 256, (6, 3, 9, 7), np.uint8)


def test_grey_is_that_of_pillow(colours):
    grey = to_grey(colours, "x")
    assert grey.dtype == np.uint8
    expected = [
        np.asarray(Image.fromarray(np.moveaxis(image, 0, -1)).convert("L")) for image in colours
    ]
    assert np.abs(grey[:, 0].astype(int) - np.stack(expected)).max() <= 1


def test_grey_of_floats_keeps_their_scale(colours):
    shares = colours.astype(np.float32) / 255
    grey = to_grey(shares, "x")
    assert grey.dtype == np.float32
    assert np.allclose(grey, to_grey(colours, "x") / 255, atol=0.002)
    assert to_grey(grey, "x") is grey


def test_other_channels_are_no_colours(colours):
    with pytest.raises(DataError, match="Images of x have 4 channels"):
        to_grey(np.concatenate([colours, colours[:, :1]], 1), "x")


def test_equal_channels_are_no_colours(colours):
    assert has_colours(colours)
    assert not has_colours(np.repeat(colours[:, :1], 3, 1))


def test_a_size_is_that_of_pillow(colours):
    small = resized(colours, (4, 5))
    assert small.shape == (6, 3, 4, 5)
    picture = Image.fromarray(np.moveaxis(colours[2], 0, -1)).resize(
        (5, 4), Image.Resampling.BICUBIC
    )
    assert np.array_equal(np.moveaxis(small[2], 0, -1), np.asarray(picture))
    assert resized(colours, (9, 7)) is colours


def test_floats_do_not_leave_the_range_of_their_image():
    image = np.zeros((1, 1, 8, 8), np.float32)
    image[..., 4:] = 1
    large = resized(image, (16, 16))
    assert large.dtype == np.float32
    assert (large.min(), large.max()) == (0, 1)


def test_bytes_within_a_range_stay_there():
    """Bicubic interpolation overshoots at edges: 16 levels of grey would become 20."""
    image = np.zeros((1, 1, 8, 8), np.uint8)
    image[..., 4:] = 16
    assert resized(image, (16, 16)).max() > 16
    assert resized(image, (16, 16), (0, 16)).max() == 16
    # What was beyond the range before is not hidden.
    assert resized(image, (16, 16), (0, 9)).max() == 16


def test_digits_stay_in_their_range_when_they_are_resized():
    digits = load_dataset(DataConfig(source="digits", resize=(28, 28)))
    assert digits.value_range == (0, 16)
    assert digits.images[:].max() == 16
