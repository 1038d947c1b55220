"""PyTorch as most scripts use it: a `Dataset` of images, and a `DataLoader` that shuffles them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from job import read_job
from torch_models import train


class Images(Dataset[Tensor]):
    """Images that are scaled one by one, as torchvision's ``ToTensor`` does."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.images[index]).float().div(255)


def main() -> None:
    """Do the job."""
    job = read_job()
    train(job, DataLoader(Images(job.images("train")), batch_size=job.batch_size, shuffle=True))


if __name__ == "__main__":
    main()
