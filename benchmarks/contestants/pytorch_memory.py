"""PyTorch without a `DataLoader`: all images are one tensor, from which batches are indexed."""

from collections.abc import Iterator

import torch
from torch import Tensor

from job import read_job
from torch_models import to_tensor, train


class Batches:
    """Batches of images in a new order whenever they are iterated over."""

    def __init__(self, images: Tensor, batch_size: int) -> None:
        self.images = images
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[Tensor]:
        for chosen in torch.randperm(len(self.images)).split(self.batch_size):
            yield self.images[chosen]


def main() -> None:
    """Do the job."""
    job = read_job()
    train(job, Batches(to_tensor(job.images("train")), job.batch_size))


if __name__ == "__main__":
    main()
