import io

import numpy as np
import pytest
from PIL import Image

from latentscape.reporting.grids import ABOVE, LINE, GridLabels, draw_grid, in_columns


def drawn(cells, gap=2):
    return Image.open(io.BytesIO(draw_grid(cells.astype(np.float32), gap)))


def test_long_rows_are_broken_at_the_same_places():
    rows = np.arange(10.0).reshape(2, 5, 1, 1, 1)
    found = in_columns(rows, 3)[..., 0, 0, 0]
    assert found[:2].tolist() == [[0, 1, 2], [5, 6, 7]]
    assert found[2:, :2].tolist() == [[3, 4], [8, 9]]
    assert np.isnan(found[2:, 2]).all()


@pytest.mark.parametrize("columns", [5, 9])
def test_short_rows_stay_whole(columns):
    rows = np.random.default_rng(0).random((2, 5, 1, 3, 3))
    assert np.array_equal(in_columns(rows, columns), rows)


@pytest.mark.parametrize(
    ("size", "factor"), [((28, 28), 2), ((8, 8), 8), ((64, 64), 1), ((100, 20), 1), ((20, 7), 3)]
)
def test_small_images_are_enlarged_by_a_whole_factor(size, factor):
    picture = drawn(np.zeros((2, 3, 1, *size)))
    height, width = (side * factor for side in size)
    assert picture.size == (3 * width + 4, 2 * height + 2)
    assert picture.mode == "L"


def test_pixels_stand_where_they_should():
    cells = np.zeros((1, 2, 1, 32, 64))
    cells[0, 1, 0, 0, 0] = 1
    pixels = np.asarray(drawn(cells))
    assert pixels.shape == (32, 130)
    assert pixels[0, 66] == 255
    assert (pixels[:, 64:66] == 204).all()
    pixels = pixels.copy()
    pixels[0, 66] = 0
    assert (pixels[:, 66:] == 0).all()


def test_without_a_gap_images_touch():
    assert drawn(np.zeros((2, 2, 1, 64, 64)), 0).size == (128, 128)


def test_values_outside_are_cut_off_and_missing_images_left_empty():
    cells = np.full((1, 3, 1, 64, 64), np.nan)
    cells[0, 0], cells[0, 1] = -2, 3
    pixels = np.asarray(drawn(cells, 0))
    assert pixels[0, [0, 64, 128]].tolist() == [0, 255, 204]


def test_colours_stay_and_other_channels_are_averaged():
    colour = np.zeros((1, 1, 3, 64, 64))
    colour[:, :, 0] = 1
    assert np.asarray(drawn(colour))[0, 0].tolist() == [255, 0, 0]
    two = np.zeros((1, 1, 2, 64, 64))
    two[:, :, 0] = 1
    assert np.asarray(drawn(two))[0, 0] == 128


def labelled(labels, rows=2, columns=3):
    cells = np.zeros((rows, columns, 1, 64, 64), dtype=np.float32)
    return np.asarray(Image.open(io.BytesIO(draw_grid(cells, 2, labels))))


def test_names_stand_beside_rows_and_texts_above_images():
    pixels = labelled(GridLabels(["first", "second"], [["1\nseven", "2", ""]] * 2))
    left = pixels.shape[1] - (3 * 66 - 2)
    assert left > 20
    space = 2 * LINE + ABOVE
    assert pixels.shape[0] == 2 * 66 - 2 + space  # The second row repeats nothing.
    head, below = pixels[:space, left:], pixels[space:]
    assert (head[:, :64] < 200).any()
    assert (head[:, 64 + 66 :] == 255).all()  # Nothing above the third.
    assert (below[:64, :left] < 200).any()
    assert (below[:64, left : left + 64] == 0).all()  # Images stay as they are.


def test_texts_that_differ_stand_above_each_row():
    pixels = labelled(GridLabels((), [["a", "b", "c"], ["d", "e", "f"]]))
    assert pixels.shape == (2 * 66 - 2 + 2 * (LINE + ABOVE), 3 * 66 - 2)


def test_long_texts_are_cut_off():
    pixels = labelled(GridLabels((), [["W" * 50, "", ""]] * 2))
    assert (pixels[: LINE + ABOVE, 66:] == 255).all()


@pytest.mark.parametrize("text", ["(bdl)", "8\n(bdl)", "bl\ndl\n|gj|"])
def test_no_letter_touches_the_edge(text):
    head = labelled(GridLabels((), [[text] * 3] * 2))[: -(2 * 66 - 2)]
    assert (head < 200).any()
    assert (head[:2] == 255).all()
    assert (head[-1:] == 255).all()


def test_texts_break_where_rows_break():
    labels = GridLabels(["a", "b"], [["1", "2", "3"], ["4", "5", "6"]]).in_columns(3, 2)
    assert labels.rows == ["a", "b", "a", "b"]
    assert labels.images == [["1", "2"], ["4", "5"], ["3", ""], ["6", ""]]
