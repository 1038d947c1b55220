"""Test examples that are also training examples, against all pairs compared one by one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latentscape.config import DataConfig
from latentscape.core.records import Dataset, Split
from latentscape.data import (
    Duplicates,
    binarize_split,
    count_duplicates,
    duplicates,
    split_dataset,
    summarize,
)


def pairs(split):
    """Count test examples that equal a training example, and others that are near one, by hand."""
    flat = np.asarray(split.dataset.images).reshape(len(split.dataset), -1).astype(np.float64)
    train, test = flat[split.train], flat[split.test]
    distances = cdist(test, train).min(1)
    source = np.random.default_rng(1)
    typical = np.median(cdist(source.permutation(train)[:300], source.permutation(train)[:300]))
    exact = distances == 0
    return int(exact.sum()), int((distances[~exact] <= 0.05 * typical).sum())


def with_copies(small, change=lambda images: images, count=30) -> Split:
    """Let the first test images be copies of training images, changed."""
    images = np.asarray(small.dataset.images).copy()
    images[small.test[:count]] = change(images[small.train[:count]])
    return replace(small, dataset=replace(small.dataset, images=images))


def two_values_off(images):
    """Change two values by one: by less than a twentieth of how much two digits differ."""
    rows, columns = np.arange(8)[:, None], np.arange(8)
    return np.where((rows == 0) & (columns < 2), images ^ 1, images)


def test_digits_have_none(small):
    counts = count_duplicates(small)
    assert counts == Duplicates(test=100, exact=0, near=0, near_of=100, near_among=500)
    assert pairs(small) == (0, 0)
    assert not counts.any


def test_copies_are_counted(small):
    counts = count_duplicates(with_copies(small))
    assert (counts.exact, counts.near, counts.near_of) == (30, 0, 70)
    assert counts.any


def test_every_image_four_times_makes_nearly_all_test_images_copies(digits):
    """Where k-NN has 100 % right, because it has seen them."""
    images = np.repeat(digits.images[::10], 4, axis=0)
    data = Dataset("fourfold", images, np.repeat(digits.labels[::10], 4), digits.label_names)
    split = split_dataset(data, DataConfig())
    counts = count_duplicates(split)
    assert (counts.exact, 0) == pairs(split)
    assert counts.exact > 0.95 * len(split.test)


def test_copies_that_were_changed_a_little_are_near(small):
    split = with_copies(small, two_values_off)
    counts = count_duplicates(split)
    assert (counts.exact, counts.near) == pairs(split) == (0, 30)
    both = with_copies(split, count=10)
    assert count_duplicates(both).exact == 10
    assert count_duplicates(both).near == 20


def test_the_more_a_copy_was_changed_the_fewer_are_near(small):
    """Where some are near and others are not, all pairs compared one by one say the same."""
    split = with_copies(small, lambda images: images - (images == 16))
    counts = count_duplicates(split)
    assert (counts.exact, counts.near) == pairs(split)
    assert 0 < counts.near < 30


def test_copies_that_were_changed_much_are_not(small):
    counts = count_duplicates(with_copies(small, lambda images: images[..., ::-1]))
    assert not counts.any


def test_floats_and_the_scale_of_values_make_no_difference(small):
    near = with_copies(small, two_values_off)
    floats = (np.asarray(near.dataset.images) / np.float32(4)).astype(np.float32) - 2
    data = replace(near.dataset, images=floats, value_range=(-2.0, 2.0))
    assert count_duplicates(replace(near, dataset=data)) == count_duplicates(near)


def test_black_and_white_pixels_are_looked_at_as_they_were_before(small):
    """Copies of an image are drawn differently, and are copies still."""
    for mode in ("static", "dynamic"):
        split = binarize_split(with_copies(small), mode)
        assert (
            split.dataset.images[split.test[:30]] != split.dataset.images[split.train[:30]]
        ).any()
        assert count_duplicates(split).exact == 30


def test_short_vectors_are_near_by_chance_and_are_not_looked_at(vectors):
    counts = count_duplicates(vectors)
    assert (counts.near_of, counts.near_among) == (0, 0)
    assert counts.test == len(vectors.test)


def test_images_that_are_all_the_same_are_copies(small):
    data = replace(small.dataset, images=np.zeros_like(small.dataset.images))
    assert count_duplicates(replace(small, dataset=data)).exact == 100


def test_the_largest_values_and_the_fewest_examples_are_counted(small):
    images = np.asarray(small.dataset.images) * np.float32(2e37)
    data = replace(small.dataset, images=images, value_range=(0.0, 3.2e38))
    assert not count_duplicates(replace(small, dataset=data)).any
    single = replace(small, train=small.train[:1], test=small.test[:1])
    assert not count_duplicates(single).any


def test_only_so_many_are_looked_at(small, monkeypatch):
    monkeypatch.setattr(duplicates, "MAX_EXAMPLES", 40)
    counts = count_duplicates(with_copies(small, two_values_off, 50))
    assert (counts.near_of, counts.near_among) == (40, 40)
    assert counts.near < 40


def test_a_summary_of_data_has_the_counts(small):
    split = with_copies(small)
    assert summarize(split.dataset, split).duplicates == count_duplicates(split)


@pytest.mark.parametrize("level", [1, 128, 255])
@pytest.mark.parametrize("length", [5, 64])
def test_examples_are_told_apart_by_all_their_bytes(level, length):
    values = np.random.default_rng(0).integers(0, 2, (20_000, length), np.uint8) * level
    dataset = Dataset("bits", values, value_range=(0.0, 255.0))
    hashes = duplicates._hashes(dataset, np.arange(len(values)))
    assert len(np.unique(hashes)) == len(np.unique(values, axis=0))
