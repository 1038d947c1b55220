"""Ranges of examples are, wherever they are read, those of the stream."""

import pickle

import numpy as np
import pytest
from PIL import Image

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import load_dataset
from latentscape.data.sources import open_stream, stream_dataset

SHAPE, SIZE = (1, 4, 4), 3


def images(count=11):
    return np.random.default_rng(0).integers(0, 256, (count, 4, 4), np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number, image in enumerate(images()):
        place = tmp_path / "photos" / ("odd" if number % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:02d}.png")
    return tmp_path / "photos"


def npy(folder, **settings):
    np.save(folder / "a.npy", images())
    np.save(folder / "labels.npy", np.arange(11) % 3)
    return open_stream(DataConfig(source=str(folder / "a.npy"), **settings), SHAPE, SIZE)


def test_of_an_array(tmp_path):
    check(npy(tmp_path))
    check(npy(tmp_path, labels="labels.npy"))
    check(npy(tmp_path, labels="none"))


def test_of_a_folder_of_images(folder):
    check(open_stream(DataConfig(source=str(folder)), SHAPE, SIZE))
    check(open_stream(DataConfig(source=str(folder), resize=(8, 8)), (1, 8, 8), SIZE))


def test_of_a_dataset_that_is_mapped(tmp_path):
    np.save(tmp_path / "a.npy", images())
    dataset = load_dataset(DataConfig(source=str(tmp_path / "a.npy"), store="mapped"))
    check(stream_dataset(dataset, SHAPE, SIZE))


def test_what_has_to_be_read_from_its_start_has_none(tmp_path):
    np.savez(tmp_path / "a.npz", images=images())
    assert open_stream(DataConfig(source=str(tmp_path / "a.npz")), SHAPE, SIZE).ranges is None
    dataset = load_dataset(DataConfig(source=str(tmp_path / "a.npz")))
    assert stream_dataset(dataset, SHAPE, SIZE).ranges is None
    rows = tmp_path / "labels.csv"
    rows.write_text("row,label\n2,a\n5,b\n")
    assert npy(tmp_path, labels=str(rows)).ranges is None


def test_levels_of_another_depth_are_refused_in_any_range(folder):
    deep = np.full((4, 4), 40_000, np.uint16)
    Image.fromarray(deep).save(folder / "odd" / "09.png")
    read = open_stream(DataConfig(source=str(folder)), SHAPE, SIZE).ranges.reader()
    with pytest.raises(DataError, match="09.png"):
        read(10, 11)


def check(stream):
    """Compare what is read in ranges, after a journey to another process, with the stream."""
    ranges = pickle.loads(pickle.dumps(stream.ranges.decided()))
    assert (len(ranges), ranges.size) == (11, SIZE)
    read = ranges.reader()
    chunks = list(stream.chunks)
    for number, chunk in enumerate(chunks):
        start = number * SIZE
        same = read(start, min(start + SIZE, 11))
        assert same.images.tobytes() == chunk.images.tobytes()
        assert same.value_range == chunk.value_range
        assert (same.metadata is None) == (chunk.metadata is None)
        assert same.metadata is None or same.metadata.equals(chunk.metadata)
        assert np.array_equal(same.labels, chunk.labels)
    whole = np.concatenate([chunk.images for chunk in chunks])
    assert ranges[[0, 5, 10]].tobytes() == whole[[0, 5, 10]].tobytes()
