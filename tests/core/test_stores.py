"""Stores of images: the same examples and the same facts, however they are kept."""

import hashlib
import pickle

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from latentscape.core.ranges import Extent
from latentscape.core.records import Dataset
from latentscape.core.stores import ImageStore, ResidentStore

SOURCE = np.random.default_rng(0)
ARRAYS = {
    "images": SOURCE.integers(0, 256, (50, 1, 4, 4), np.uint8),
    "vectors": SOURCE.standard_normal((50, 3)).astype(np.float32),
}


@pytest.fixture(params=ARRAYS)
def array(request: pytest.FixtureRequest) -> np.ndarray:
    return ARRAYS[request.param]


@pytest.fixture
def store(array: np.ndarray) -> ImageStore:
    return ResidentStore(array)


def test_a_store_is_an_array_to_those_who_look(store: ImageStore, array: np.ndarray) -> None:
    assert (len(store), store.shape, store.dtype) == (50, array.shape, array.dtype)
    assert (store.ndim, store.size, store.nbytes) == (array.ndim, array.size, array.nbytes)
    np.testing.assert_array_equal(np.asarray(store), array)
    assert np.asarray(store, np.float64).dtype == np.float64
    even = np.arange(50) % 2 == 0
    for rows in (3, -1, slice(4, 9), [5, 0, 5], even, (slice(2, 4), 0), np.array([[1, 2], [3, 4]])):
        np.testing.assert_array_equal(store[rows], array[rows])
    assert all((one == other).all() for one, other in zip(store, array, strict=True))
    with pytest.raises(IndexError):
        store[50]


def test_what_is_taken_is_a_copy_in_the_order_of_its_places(
    store: ImageStore, array: np.ndarray
) -> None:
    index = np.array([7, 0, 7, 49])
    taken = store.take(index)
    np.testing.assert_array_equal(taken, array[index])
    taken[:] = 0
    store[:][:] = 0
    np.testing.assert_array_equal(store.take(index), array[index])


@pytest.mark.parametrize("n", [1, 7, 50, 1000, None])
def test_chunks_are_all_examples_in_order(
    store: ImageStore, array: np.ndarray, n: int | None
) -> None:
    chunks = list(store.chunks(n))
    assert all(len(chunk) == (n or 50) for chunk in chunks[:-1])
    np.testing.assert_array_equal(np.concatenate(chunks), array)
    index = np.array([9, 3, 40])
    np.testing.assert_array_equal(np.concatenate(list(store.chunks(n, index))), array[index])


def test_facts_in_chunks_are_those_of_the_whole(
    store: ImageStore, array: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentscape.core.stores.CHUNK", 100)
    assert len(list(store.chunks())) > 5
    assert store.extent == Extent.of(array)
    assert store.digest(b"before", b"after") == (
        hashlib.sha256(b"before" + array.tobytes() + b"after").hexdigest()
    )


def test_scikit_learn_divides_a_store_as_an_array(store: ImageStore, array: np.ndarray) -> None:
    parts = train_test_split(store, np.arange(50), random_state=0)
    expected = train_test_split(array, np.arange(50), random_state=0)
    for part, other in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part, other)


def test_a_dataset_wraps_an_array_and_does_not_copy_it(array: np.ndarray) -> None:
    dataset = Dataset("mine", array)
    assert isinstance(dataset.images, ResidentStore)
    assert np.shares_memory(np.asarray(dataset.images), array)
    assert Dataset("mine", dataset.images).images is dataset.images
    assert repr(dataset.images) == f"<resident images of shape {array.shape}, {array.dtype}>"
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again.images[:], array)
    assert again.fingerprint == dataset.fingerprint


def test_an_empty_store_has_facts(array: np.ndarray) -> None:
    store = ResidentStore(array[:0])
    assert list(store.chunks()) == []
    assert store.extent.high == 0
    assert np.asarray(store).shape == array[:0].shape
