"""Small pictures side by side."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from latentscape.reporting.blocks import Panel, Plate
from latentscape.reporting.strips import code_pictures, composed, sheet, strip


def opened(png):
    return Image.open(BytesIO(png))


@pytest.mark.parametrize(("shape", "mode"), [((1, 5, 7), "LA"), ((3, 5, 7), "RGBA")])
def test_sheet(shape, mode):
    picture = opened(sheet(np.ones((5, *shape)), 3, 96))
    assert picture.mode == mode
    assert picture.size == (3 * 7 + 2, 2 * 5 + 1)
    assert picture.getpixel((0, 0))[-1] == 255
    assert picture.getpixel((7, 0))[-1] == 0


@pytest.mark.parametrize("channels", [2, 4, 7])
def test_of_other_numbers_of_channels_the_mean_is_shown(channels):
    images = np.zeros((2, channels, 4, 4))
    images[:, 0] = 1
    picture = opened(sheet(images, 2, 96))
    assert picture.mode == "LA"
    assert picture.getpixel((0, 0)) == (round(255 / channels), 255)


def test_a_fourth_channel_may_be_opacity():
    images = np.ones((1, 4, 4, 4))
    images[:, 3, 0, 0] = 0
    picture = opened(sheet(images, 1, 96, has_opacity=True))
    assert picture.mode == "RGBA"
    assert [picture.getpixel(place)[3] for place in ((0, 0), (1, 0))] == [0, 255]


def test_sheet_makes_large_images_smaller():
    assert opened(sheet(np.zeros((1, 3, 200, 100)), 1, 50)).size == (25, 50)


def test_an_image_of_nothing_is_a_gap():
    picture = opened(sheet(np.array([[[[1.0]]], [[[np.nan]]]]), 2, 96))
    assert picture.getpixel((0, 0))[-1] == 255
    assert picture.getpixel((2, 0))[-1] == 0


@pytest.mark.parametrize("length", [1, 2, 3, 4, 20, 32, 64, 97, 512, 5000])
def test_codes_of_any_length_become_pictures(length):
    codes = np.random.default_rng(0).normal(size=(3, length)).astype(np.float32)
    for signed in (codes, np.abs(codes), np.zeros_like(codes), np.full_like(codes, np.nan)):
        images = code_pictures(signed, (28, 20))
        assert images.shape[:2] == (3, 4)
        assert images.shape[2] / images.shape[3] == pytest.approx(28 / 20)
        assert 0 <= images.min() <= images.max() <= 1


def test_composed_plate_holds_all_panels():
    strips = [strip("A label", np.ones((4, 1, 8, 8)), 4, 96, "alt")]
    narrow = opened(composed(Plate("n", "", "c", [Panel("One", strips)])))
    wide = opened(composed(Plate("n", "", "c", [Panel("One", strips)] * 2)))
    assert wide.width > 1.8 * narrow.width
    assert wide.height == narrow.height


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_plate_is_stored_in_colour_where_it_has_any(channels, mode):
    images = np.linspace(0, 1, 4 * channels * 64).reshape(4, channels, 8, 8)
    plate = Plate("n", "", "c", [Panel("One", [strip("A label", images, 4, 96, "alt")])])
    assert opened(composed(plate)).mode == mode
