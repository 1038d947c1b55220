"""Skorch: `NeuralNet` around the models of plain PyTorch."""

import torch
from skorch import NeuralNet

from job import read_job
from torch_models import Loss, build, reconstruct, to_tensor
from works import WORKS


def main() -> None:
    """Do the job."""
    job = read_job()
    work = WORKS[job.work]
    torch.manual_seed(job.seed)
    net = NeuralNet(
        build(work),
        Loss,
        criterion__work=work,
        optimizer=torch.optim.Adam,
        lr=job.lr,
        max_epochs=job.epochs,
        batch_size=job.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    images = to_tensor(job.images("train")).numpy()
    net.fit(images, images)
    job.answer(net.history[:, "dur"], *reconstruct(net.module_, job), ["skorch", "torch"])


if __name__ == "__main__":
    main()
