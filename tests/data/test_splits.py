from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, Split
from latentscape.core.subsets import draw
from latentscape.data import load_dataset, split_dataset


def make(n: int, labels: list[int] | None = None, official: int | None = None) -> Dataset:
    """Make a dataset of n examples, of which only count and labels matter."""
    indices = None if labels is None else np.array(labels, np.int64)
    names = () if labels is None else tuple(str(label) for label in range(max(labels) + 1))
    return Dataset("made", np.zeros((n, 2), np.uint8), indices, names, n_official_train=official)


def split(dataset: Dataset, **settings: object) -> Split:
    return split_dataset(dataset, DataConfig(**settings))


LABELS = [0] * 50 + [1] * 30 + [2] * 19 + [3]


@pytest.mark.parametrize("labels", [None, LABELS])
@pytest.mark.parametrize("official", [None, 70])
@pytest.mark.parametrize("train", [None, 2, 33, 64, 1000])
@pytest.mark.parametrize("validation", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("test", [None, 1, 7, 1000])
def test_parts_are_disjoint_sorted_and_not_empty(
    labels: list[int] | None,
    official: int | None,
    train: int | None,
    validation: float,
    test: int | None,
) -> None:
    parts = split(make(100, labels, official), train=train, validation=validation, test=test)
    indices = [parts.train, parts.validation, parts.test]
    together = np.concatenate(indices)
    assert len(set(together.tolist())) == len(together)
    assert together.min() >= 0
    assert together.max() < 100
    assert all((np.diff(part) > 0).all() for part in indices)
    assert all(part.dtype == np.int64 for part in indices)
    assert len(parts.train) >= 1
    assert len(parts.test) == min(test or 100, 30 if official else 20)
    if train is None and test is None:
        assert len(together) == 100


def test_the_official_test_part_is_the_test_part() -> None:
    parts = split(make(100, LABELS, 70))
    np.testing.assert_array_equal(parts.test, np.arange(70, 100))
    assert max(parts.train.max(), parts.validation.max()) < 70


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, (54000, 6000, 10000)),
        ({"validation": 0}, (60000, 0, 10000)),
        ({"train": 20000, "test": 4000}, (20000, 2000, 4000)),
        ({"train": 20000, "validation": 0}, (20000, 0, 10000)),
        ({"train": 57000}, (54300, 5700, 10000)),
        ({"train": 60000}, (54000, 6000, 10000)),
        ({"train": 100000, "test": 100000}, (54000, 6000, 10000)),
    ],
)
def test_sizes_on_mnist(settings: dict[str, object], sizes: tuple[int, int, int]) -> None:
    labels = np.random.default_rng(0).integers(0, 10, 70000).tolist()
    parts = split(make(70000, labels, 60000), **settings)
    assert tuple(parts.sizes.values()) == sizes


def test_a_size_of_validation_does_not_change_what_is_trained_on() -> None:
    dataset = make(100, LABELS)
    selected = [split(dataset, train=30, validation=share).train for share in (0, 0.1, 0.5)]
    np.testing.assert_array_equal(selected[0], selected[1])
    np.testing.assert_array_equal(selected[0], selected[2])


def test_the_test_part_depends_on_the_seed_alone() -> None:
    dataset = make(100, LABELS)
    first, second = split(dataset), split(dataset, train=10, validation=0.4)
    np.testing.assert_array_equal(first.test, second.test)


def test_every_draw_is_stratified() -> None:
    labels = [0] * 500 + [1] * 300 + [2] * 200
    parts = split(make(1000, labels), train=400, test=100)
    for part, size in ((parts.train, 400), (parts.validation, 40), (parts.test, 100)):
        counts = np.bincount(np.array(labels)[part], minlength=3)
        assert counts.tolist() == [size // 2, size * 3 // 10, size // 5]


def test_seeds() -> None:
    dataset = make(100, LABELS)
    first, again, other = split(dataset, seed=1), split(dataset, seed=1), split(dataset, seed=2)
    assert first.seed == 1
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))
    assert (first.test != other.test).any()
    assert (first.train != other.train).any()


def test_a_split_is_the_same_on_every_machine() -> None:
    parts = split(make(20, [0, 1] * 10), seed=3)
    assert parts.test.tolist() == [0, 4, 7, 9]
    assert parts.validation.tolist() == [15, 18]


def test_a_split_of_real_digits_keeps_the_shares(digits: Dataset) -> None:
    parts = split(digits)
    everything = np.bincount(digits.labels) / len(digits)
    for part in (parts.train, parts.validation, parts.test):
        shares = np.bincount(digits.labels[part], minlength=10) / len(part)
        assert abs(shares - everything).max() < 1 / len(part)


@pytest.mark.parametrize("dataset", [make(1), make(0), make(5, None, 5), make(5, None, 0)])
def test_too_few_examples(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"to train on and \d+ to test on"):
        split(dataset)


def test_two_examples_are_enough() -> None:
    assert split(make(2)).sizes == {"train": 1, "validation": 0, "test": 1}


@pytest.mark.parametrize("official", [None, 70])
def test_training_on_some_labels_leaves_the_test_part_whole(official: int | None) -> None:
    dataset = make(100, LABELS[::-1], official)
    everything, some = split(dataset), split(dataset, train_labels=("1", "0"))
    np.testing.assert_array_equal(some.test, everything.test)
    seen = np.concatenate([some.train, some.validation])
    assert set(dataset.labels[some.train]) == set(dataset.labels[some.validation]) == {0, 1}
    left = np.setdiff1d(np.arange(100), everything.test)
    np.testing.assert_array_equal(np.sort(seen), left[dataset.labels[left] < 2])


def test_sizes_count_among_the_labels_trained_on() -> None:
    parts = split(make(1000, [0, 1] * 500), train=200, validation=0.1, train_labels=("1",))
    assert parts.sizes == {"train": 200, "validation": 20, "test": 200}


def test_a_label_that_does_not_exist() -> None:
    words = Dataset("words", np.zeros((4, 2)), np.array([0, 1] * 2), ("shirt", "shoe"))
    with pytest.raises(DataError, match=r"no label of words called 'shoes'.*Did you mean 'shoe'"):
        split(words, train_labels=("shirt", "shoes"))


def test_labels_to_train_on_need_labels() -> None:
    with pytest.raises(DataError, match=r"made has no labels.*--labels"):
        split(make(9), train_labels=("0",))


def test_a_label_that_only_the_test_part_has() -> None:
    with pytest.raises(DataError, match=r"0 example\(s\) to train on and 2 to test on"):
        split(make(8, [0] * 6 + [1] * 2, 6), train_labels=("1",))


@pytest.mark.parametrize("size", range(12))
def test_draw_takes_exactly_what_is_asked(size: int) -> None:
    strata = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 5])
    pool = np.arange(11)
    selected, rest = draw(pool, strata, size, np.random.default_rng(0))
    assert len(selected) == size
    assert sorted([*selected, *rest]) == list(range(11))


def test_draw_rounds_by_largest_remainders() -> None:
    strata = np.array([0] * 47 + [1] * 16 + [2] * 17 + [3] * 20)
    selected, _ = draw(np.arange(100), strata, 10, np.random.default_rng(0))
    assert Counter(strata[selected].tolist()) == {0: 5, 1: 1, 2: 2, 3: 2}


def test_rare_classes_are_drawn_without_favour() -> None:
    """With one example per class, a draw is as random as one without labels."""
    selected = [
        draw(np.arange(100), np.arange(100), 20, np.random.default_rng(seed))[0]
        for seed in range(50)
    ]
    assert 45 < np.concatenate(selected).mean() < 54


def test_mnist_5k_keeps_its_fixed_parts() -> None:
    config = DataConfig(source="mnist-5k")
    parts = split_dataset(load_dataset(config), config)
    assert parts.sizes == {"train": 3600, "validation": 400, "test": 1000}


def test_an_official_validation_part_is_the_validation_part():
    examples = np.zeros((12, 2), np.uint8)
    labels = np.array([0, 1] * 6)
    dataset = Dataset(
        "made", examples, labels, ("a", "b"), n_official_train=6, n_official_validation=4
    )
    split = split_dataset(dataset, DataConfig())
    assert [part.tolist() for part in (split.train, split.validation, split.test)] == [
        [0, 1, 2, 3, 4, 5],
        [6, 7, 8, 9],
        [10, 11],
    ]
    only_a = split_dataset(dataset, DataConfig(train_labels=("a",)))
    assert (only_a.train.tolist(), only_a.validation.tolist()) == ([0, 2, 4], [6, 8])
    none = split_dataset(dataset, DataConfig(validation=0))
    assert (len(none.train), len(none.validation), none.test.tolist()) == (6, 0, [10, 11])
    assert dataset.fingerprint != replace(dataset, n_official_validation=3).fingerprint
