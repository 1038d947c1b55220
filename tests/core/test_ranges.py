"""Which values stand for 0 and 1: clear cases are decided, others asked for."""

import numpy as np
import pytest

from latentscape.core.errors import DataError
from latentscape.core.ranges import Extent, choose_range

IMAGE = (1, 10, 10)


def choose(values, shape=IMAGE, **more):
    return choose_range(Extent.of(np.array(values)), shape, "x", **more)


@pytest.mark.parametrize(
    ("highest", "shape", "expected"),
    [
        (1, IMAGE, (0, 1)),
        (16, (1, 8, 8), (0, 16)),
        (16, (64,), (0, 16)),
        (128, IMAGE, (0, 255)),
        (200, IMAGE, (0, 255)),
        (255, (3, 4, 4), (0, 255)),
        (4095, IMAGE, (0, 4095)),
        (2048, (784,), (0, 4095)),
        (1023, IMAGE, (0, 1023)),
        (65535, IMAGE, (0, 65535)),
    ],
)
def test_whole_numbers_that_are_clear(highest, shape, expected):
    for dtype in (np.uint8, np.int16, np.int64, np.float32):
        if np.dtype(dtype).kind == "f" or highest <= np.iinfo(dtype).max:
            assert choose(np.array([0, 1, highest], dtype), shape) == (expected, "content")


@pytest.mark.parametrize("highest", [2, 15, 16, 37, 100, 127, 300, 1800, 70000])
def test_integers_of_images_that_are_not_clear_are_asked_for(highest):
    depth = next((bits for bits in (8, 12, 16) if highest < 2**bits), None)
    with pytest.raises(DataError) as caught:
        choose([0, highest])
    message = str(caught.value)
    assert f"whole numbers from 0 to {highest}" in message
    assert f"'--range 0,{highest}' if {highest} is the largest" in message
    assert depth is None or f"'--range 0,{2**depth - 1}' if they are grey" in message


def test_negative_integers_of_images_are_asked_for():
    with pytest.raises(DataError, match="Say '--range -1024,3071' if 3071 is the largest"):
        choose([-1024, 3071])


@pytest.mark.parametrize("values", [[0, 37], [-5, 200], [0.0, 37.0], [-0.2, 1.1], [0.5, 200.5]])
def test_other_vectors_and_floats_are_used_as_they_are(values):
    assert choose(values, (9,)) == ((0, 1), "unbounded")


@pytest.mark.parametrize("values", [[0.0, 37.0], [-0.2, 0.9], [0.5, 200.5]])
def test_other_floats_of_images_are_used_as_they_are(values):
    assert choose(values) == ((0, 1), "unbounded")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.2, 0.7], ((0, 1), "content")),
        ([0.0, 0.0], ((0, 1), "dtype")),
        ([-1.0, 0.3, 1.0], ((-1, 1), "content")),
        ([0.0, 255.0], ((0, 255), "content")),
        ([False, True], ((0, 1), "dtype")),
        ([0, 0], ((0, 255), "dtype")),
    ],
)
def test_floats_and_truth_values(values, expected):
    assert choose(values) == expected


def test_levels_of_image_files_are_those_of_their_format():
    dark = np.array([0, 37], np.uint8)
    assert choose(dark, grey_levels=True) == ((0, 255), "format")
    assert choose(np.array([0, 1], np.uint8), grey_levels=True) == ((0, 1), "content")
    assert choose(np.array([0, 4000], np.uint16), grey_levels=True) == ((0, 4095), "content")


def test_what_a_model_knows_decides_where_values_do_not():
    assert choose([0, 37], known=(0, 255))[0] == (0, 255)
    assert choose([0, 37], known=(0, 37))[0] == (0, 37)
    assert choose([-0.5, 0.5], known=(-1, 1))[0] == (-1, 1)
    assert choose([0, 1], known=(0, 255))[0] == (0, 1)
    assert choose([0.0, 0.5], known=(0, 255))[0] == (0, 1)
    assert choose([0, 200], known=(0, 1))[0] == (0, 255)
    assert choose([0.0, 255.0], known=(0, 1))[0] == (0, 1)
    assert choose([0, 4080], known=(0, 255))[0] == (0, 255)
    with pytest.raises(DataError, match="--range 0,37"):
        choose([0, 37], known=(0, 16))


@pytest.mark.parametrize(
    "parts", [([0, 1], [0, 255]), ([0.5, 1.0], [0.0, 255.0]), ([True], [7, 200]), ([9, 0], [0.5])]
)
def test_parts_are_as_the_whole(parts):
    """Streams look at values part by part."""
    joined = Extent.of(np.array(parts[1])).joined(Extent.of(np.array(parts[0])))
    whole = Extent.of(np.concatenate([np.array(part) for part in parts]))
    assert choose_range(joined, (2,), "x") == choose_range(whole, (2,), "x")
