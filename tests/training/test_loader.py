from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.config import DataConfig
from latentscape.core.records import Dataset
from latentscape.data import load_dataset
from latentscape.training.loader import Examples, Loader, in_order
from latentscape.training.prefetch import Prefetch

CPU = torch.device("cpu")
NUMBERS = np.arange(40, dtype=np.uint8)[:, None]
EXAMPLES = Examples(Dataset("numbers", NUMBERS, np.arange(40, dtype=np.int64) * 2), CPU)


def images_of(batches):
    return torch.cat([batch.images for batch in batches])


@pytest.mark.parametrize("size", [1, 7, 8, 13, 23, 24, 100])
def test_an_epoch_sees_every_example_once(size):
    index = np.arange(5, 29)
    loader = Loader(EXAMPLES, index, size, seed=0)
    parts = list(loader.epoch(0))
    assert len(parts) == len(loader)
    assert sorted(images_of(parts).flatten().tolist()) == index.tolist()


def test_every_image_keeps_its_label():
    for batch in (
        *Loader(EXAMPLES, np.arange(40), 7, 0).epoch(0),
        *in_order(EXAMPLES, np.array([3, 9])),
    ):
        assert torch.equal(batch.labels, 2 * batch.images[:, 0].long())


def test_without_labels_there_are_none():
    (batch,) = in_order(Examples(Dataset("numbers", NUMBERS), CPU), np.arange(3))
    assert batch.labels is None
    assert len(batch) == 3


def test_a_single_leftover_joins_the_batch_before_it():
    sizes = [len(part) for part in Loader(EXAMPLES, np.arange(25), 8, seed=0).epoch(0)]
    assert sizes == [8, 8, 9]


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch, first=0):
        return images_of(Loader(EXAMPLES, np.arange(40), 8, seed).epoch(epoch, first))

    assert torch.equal(order(0, 3), order(0, 3))
    assert not torch.equal(order(0, 3), order(0, 4))
    assert not torch.equal(order(0, 3), order(1, 3))
    assert torch.equal(order(0, 3, first=2), order(0, 3)[16:])


def test_validation_keeps_its_order():
    index = np.array([9, 2, 30])
    assert images_of(in_order(EXAMPLES, index, size=2)).flatten().tolist() == [9, 2, 30]


def test_the_cpu_shares_the_memory_of_the_dataset():
    images = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    tensor = Examples(Dataset("zeros", images), CPU).images
    assert tensor.dtype == torch.uint8
    assert tensor.data_ptr() == images.ctypes.data


def binarised(images, value_range=(0.0, 255.0), epoch=0, seed=0, first=0):
    examples = Examples(Dataset("grey", images, value_range=value_range), CPU)
    loader = Loader(examples, np.arange(len(images)), 100, seed, binarize=True)
    return images_of(loader.epoch(epoch, first))


def test_a_pixel_is_white_as_often_as_it_is_grey_and_the_grey_ones_are_kept():
    for images, bounds in (
        (np.full((200, 1, 20, 20), 51, np.uint8), (0.0, 255.0)),
        (np.full((200, 400), -0.6, np.float32), (-1.0, 1.0)),
    ):
        before = images.copy()
        drawn = binarised(images, bounds)
        assert drawn.unique().tolist() == [*bounds]
        assert drawn.numpy().dtype == images.dtype
        white = (drawn == bounds[1]).double().mean().item()
        assert white == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / drawn.numel()) ** 0.5)
        assert np.array_equal(images, before)


def test_black_and_white_pixels_stay_what_they_are():
    images = np.repeat(np.array([[0], [255]], np.uint8), 1000, axis=1)
    assert torch.equal(binarised(images).sort(0).values, torch.from_numpy(images))


def test_pixels_are_drawn_anew_in_every_epoch_and_repeat_with_the_seed():
    images = np.full((250, 30), 127, np.uint8)
    assert torch.equal(binarised(images), binarised(images))
    assert torch.equal(binarised(images, first=1), binarised(images)[100:])
    for other in (binarised(images, epoch=1), binarised(images, seed=1)):
        assert not torch.equal(binarised(images), other)
    assert not torch.equal(*binarised(images)[:200].split(100))


def mapped(path, array, labels=None):
    """Return a dataset whose images are mapped from a file."""
    np.save(path, array)
    dataset = load_dataset(DataConfig(source=str(path), store="mapped", range=(0, 255)))
    return replace(dataset, labels=labels, label_names=() if labels is None else ("a",) * 100)


@pytest.mark.parametrize("binarize", [False, True])
@pytest.mark.parametrize("pays", [None, False, True])
def test_a_store_on_disk_gives_the_batches_of_one_in_memory(tmp_path, binarize, pays):
    array = np.random.default_rng(0).integers(0, 256, (90, 1, 5, 5), np.uint8)
    labels = np.arange(90)
    sources = mapped(tmp_path / "x.npy", array, labels), Dataset("x", array, labels)
    index = np.arange(3, 88)
    epochs = []
    for dataset in sources:
        loader = Loader(Examples(dataset, CPU), index, 4, seed=1, binarize=binarize)
        loader._prefetch.pays = pays
        whole = [batch for epoch in range(2) for batch in loader.epoch(epoch)]
        epochs.append([*whole, *loader.epoch(1, first=5), *in_order(Examples(dataset, CPU), index)])
    for one, other in zip(*epochs, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)


def test_what_is_in_memory_needs_no_thread(monkeypatch):
    monkeypatch.setattr(Prefetch, "__call__", None)
    assert len(list(Loader(EXAMPLES, np.arange(40), 8, 0).epoch(0))) == 5
