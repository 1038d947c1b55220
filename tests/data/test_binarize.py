import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, Split
from latentscape.data import binarize_split, split_dataset


@pytest.fixture
def split(digits: Dataset) -> Split:
    return split_dataset(digits, DataConfig(validation=0.1))


def parts(split: Split) -> dict[str, np.ndarray]:
    images = split.dataset.images
    return {name: images[getattr(split, name)] for name in split.sizes}


def is_binary(images: np.ndarray, dataset: Dataset) -> bool:
    return set(np.unique(images).tolist()) == set(dataset.value_range)


def test_none_leaves_the_split_as_it_is(split: Split) -> None:
    assert binarize_split(split, "none") is split


@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_static_draws_every_part_and_dynamic_leaves_training_grey(split: Split, mode: str) -> None:
    before = np.asarray(split.dataset.images).copy()
    binary = binarize_split(split, mode)
    np.testing.assert_array_equal(split.dataset.images, before)
    np.testing.assert_array_equal(binary.train, split.train)
    assert binary.dataset.images.dtype == split.dataset.images.dtype
    assert binary.dataset.fingerprint != split.dataset.fingerprint
    for name, images in parts(binary).items():
        if mode == "dynamic" and name == "train":
            np.testing.assert_array_equal(images, parts(split)[name])
        else:
            assert is_binary(images, split.dataset)


@pytest.mark.parametrize(
    ("grey", "value_range"),
    [
        (np.arange(0, 256, 15, dtype=np.uint8), (0.0, 255.0)),
        (np.linspace(-1, 1, 11, dtype=np.float32), (-1.0, 1.0)),
    ],
)
def test_a_pixel_is_white_as_often_as_it_is_grey(
    grey: np.ndarray, value_range: tuple[float, float]
) -> None:
    n = 5000
    dataset = Dataset("grey", np.tile(grey, (n, 1)), value_range=value_range)
    everything = np.arange(n, dtype=np.int64)
    binary = binarize_split(
        Split(dataset, everything[2:], everything[:1], everything[1:2]), "static"
    )
    assert is_binary(binary.dataset.images, dataset)
    low, high = value_range
    share = (grey.astype(np.float64) - low) / (high - low)
    white = (np.asarray(binary.dataset.images) == high).mean(0)
    assert (np.abs(white - share) <= 4 * np.sqrt(share * (1 - share) / n) + 1e-7).all()


def test_a_smaller_split_has_the_same_pixels_and_the_rest_stays_grey(digits: Dataset) -> None:
    whole = binarize_split(split_dataset(digits, DataConfig()), "static")
    fewer = binarize_split(split_dataset(digits, DataConfig(train=100, test=50)), "static")
    for index in (fewer.train, fewer.validation, fewer.test):
        np.testing.assert_array_equal(fewer.dataset.images[index], whole.dataset.images[index])
    rest = np.setdiff1d(
        np.arange(len(digits)), np.concatenate([fewer.train, fewer.validation, fewer.test])
    )
    np.testing.assert_array_equal(fewer.dataset.images[rest], digits.images[rest])


def test_static_and_dynamic_share_the_pixels_that_models_are_tested_on(split: Split) -> None:
    static, dynamic = (parts(binarize_split(split, mode)) for mode in ("static", "dynamic"))
    for name in ("validation", "test"):
        np.testing.assert_array_equal(static[name], dynamic[name])


def test_the_draw_repeats_with_its_seed(digits: Dataset) -> None:
    def pixels(seed: int, draw_seed: int | None = None) -> np.ndarray:
        split = split_dataset(digits, DataConfig(seed=seed))
        return binarize_split(split, "static", draw_seed).dataset.images

    np.testing.assert_array_equal(pixels(0), pixels(0))
    np.testing.assert_array_equal(pixels(0), pixels(1, draw_seed=0))
    assert not np.array_equal(pixels(0), pixels(1))
    assert not np.array_equal(pixels(0), pixels(0, draw_seed=1))


def test_no_two_images_share_their_draw() -> None:
    """Not even those that lie a thousand apart, which is how many are drawn at a time."""
    dataset = Dataset("grey", np.full((2500, 64), 127, np.uint8), value_range=(0, 255))
    everything = np.arange(2500, dtype=np.int64)
    split = Split(dataset, everything[:-2], everything[-2:-1], everything[-1:])
    assert len(np.unique(binarize_split(split, "static").dataset.images, axis=0)) == 2500


def test_values_without_a_probability_are_refused() -> None:
    dataset = Dataset(
        "wide", np.linspace(-1, 2, 30, dtype=np.float32).reshape(10, 3), value_range=(0, 1)
    )
    with pytest.raises(DataError, match="-1 to 2"):
        binarize_split(split_dataset(dataset, DataConfig()), "static")
