"""Skorch: `NeuralNet` around the models of plain PyTorch, with fused Adam."""

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from job import Job, read_job
from torch_models import Loss, build, in_precision, reconstruct, to_tensor
from works import WORKS


class InPrecision(nn.Module):
    """A model whose forward pass runs in the precision of a job."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self.model = build(WORKS[job.work]).to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return what the model puts out."""
        with in_precision(self.job):
            return self.model(images)


def main() -> None:
    """Do the job."""
    job = read_job()
    torch.manual_seed(job.seed)
    net = NeuralNet(
        InPrecision(job),
        Loss,
        criterion__work=WORKS[job.work],
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=job.lr,
        max_epochs=job.epochs,
        batch_size=job.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    images = to_tensor(job.images("train")).numpy()
    net.fit(images, images)
    seconds = net.history[:, "dur"]
    job.answer(seconds, *reconstruct(net.module_.model, job), ["skorch", "torch"])


if __name__ == "__main__":
    main()
