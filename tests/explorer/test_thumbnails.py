"""Thumbnails: small pictures of the examples, of any shape and range."""

import numpy as np
import pytest

from latentscape.explorer.thumbnails import thumbnail_shape
from latentscape.inference.reducing import reduce_examples


@pytest.mark.parametrize(
    ("shape", "count", "in_file", "expected"),
    [
        ((1, 28, 28), 70_000, True, (1, 28, 28)),
        ((3, 64, 64), 70_000, True, (3, 64, 64)),
        ((3, 100, 100), 2000, True, (3, 64, 64)),
        ((3, 100, 100), 2001, True, (3, 32, 32)),
        ((3, 100, 100), 2001, False, (3, 64, 64)),
        ((3, 256, 128), 10, True, (3, 64, 32)),
        ((1, 1000, 3), 10, True, (1, 64, 1)),
        ((9,), 10, True, (9,)),
        ((1000,), 10, True, (256,)),
    ],
)
def test_shapes(shape, count, in_file, expected):
    assert thumbnail_shape(shape, count, in_file=in_file) == expected


def test_values_go_over_the_range():
    images = np.array([-1, 0, 1, 3, 9], np.float32).reshape(1, 1, 1, 5)
    small = reduce_examples(images, (-1.0, 3.0), (1, 1, 5))
    assert small.dtype == np.uint8
    assert small.ravel().tolist() == [0, 64, 128, 255, 255]


def test_bytes_stay_as_they_are():
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert np.array_equal(reduce_examples(images, (0, 255), (1, 16, 16)), images)
    dark = reduce_examples(images // 2, (0, 127), (1, 16, 16))
    assert dark.max() == 255


def test_a_pixel_is_the_mean_of_those_it_stands_for():
    images = np.zeros((1, 3, 100, 100), np.uint8)
    images[:, :, ::2] = 200
    small = reduce_examples(images, (0, 255), (3, 50, 50))
    assert small.shape == (1, 3, 50, 50)
    assert (small == 100).all()


def test_vectors_are_rows_of_means():
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert reduce_examples(values, (0.0, 8.0), (4,)).tolist() == [
        [0, 32, 64, 96],
        [128, 159, 191, 223],
    ]
    assert reduce_examples(values, (0.0, 8.0), (2,)).tolist() == [[16, 80], [143, 207]]
