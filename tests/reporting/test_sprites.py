"""Small pictures of many points in one file."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from latentscape.reporting import sprites
from latentscape.reporting.sprites import MAX_BYTES, make_sprite, write_tiles


def opened(sprite):
    return Image.open(BytesIO(sprite.image))


def points(count):
    return tuple(range(count))


@pytest.mark.parametrize(
    ("tiles", "text"), [([3, 4, 5], "3+"), ([7], "7+"), ([2, -1, 3], "2 -1 3"), ([-1, -1], "")]
)
def test_tiles_are_written_briefly(tiles, text):
    assert write_tiles(np.array(tiles)) == text


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_noise_stay_small(channels):
    noise = np.random.default_rng(0).integers(0, 256, (2000, channels, 14, 14), dtype=np.uint8)
    sprite = make_sprite("s", noise, points(2000))
    assert len(sprite.image) <= MAX_BYTES
    picture = opened(sprite)
    # Nothing is cut off: all tiles are of the same whole size.
    assert picture.width % sprite.columns == picture.height % sprite.rows == 0
    assert sprite.rows * sprite.columns >= 2000


def test_what_cannot_be_small_is_left_out(monkeypatch):
    monkeypatch.setattr(sprites, "MAX_BYTES", 50)
    assert make_sprite("s", np.zeros((40, 1, 14, 14), np.uint8), points(40)) is None


def test_colours_are_kept():
    colours = np.array([[250, 20, 20], [20, 20, 250]], np.uint8)[:, :, None, None]
    sprite = make_sprite("s", np.tile(colours, (1, 1, 14, 14)), points(2))
    pixels = np.asarray(opened(sprite).convert("RGB")).astype(int)
    np.testing.assert_allclose(pixels[7, [3, 24]], colours[:, :, 0, 0], atol=12)


def test_proportions_are_kept():
    sprite = make_sprite("s", np.zeros((4, 1, 28, 14), np.uint8), points(4))
    assert opened(sprite).size == (14, 28)
