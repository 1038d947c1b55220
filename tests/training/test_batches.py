import numpy as np
import pytest
import torch

from latentscape.records import Dataset
from latentscape.training.batches import Batches, in_order, to_tensor

IMAGES = torch.arange(40, dtype=torch.uint8)[:, None]


@pytest.mark.parametrize("size", [1, 7, 8, 13, 23, 24, 100])
def test_an_epoch_sees_every_example_once(size):
    index = np.arange(5, 29)
    batches = Batches(IMAGES, index, size, seed=0)
    parts = list(batches.epoch(0))
    assert len(parts) == len(batches)
    assert sorted(torch.cat(parts).flatten().tolist()) == index.tolist()


def test_a_single_leftover_joins_the_batch_before_it():
    sizes = [len(part) for part in Batches(IMAGES, np.arange(25), 8, seed=0).epoch(0)]
    assert sizes == [8, 8, 9]


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch, first=0):
        return torch.cat(list(Batches(IMAGES, np.arange(40), 8, seed).epoch(epoch, first)))

    assert torch.equal(order(0, 3), order(0, 3))
    assert not torch.equal(order(0, 3), order(0, 4))
    assert not torch.equal(order(0, 3), order(1, 3))
    assert torch.equal(order(0, 3, first=2), order(0, 3)[16:])


def test_validation_keeps_its_order():
    index = np.array([9, 2, 30])
    assert torch.cat(list(in_order(IMAGES, index, size=2))).flatten().tolist() == [9, 2, 30]


def test_the_cpu_shares_the_memory_of_the_dataset():
    images = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    tensor = to_tensor(Dataset("zeros", images), torch.device("cpu"))
    assert tensor.dtype == torch.uint8
    assert tensor.data_ptr() == images.ctypes.data
