"""Latentscape by its default way: training fitted to the data, until the model is good enough."""

import numpy as np
import torch

import latentscape
from job import Job, read_job
from latentscape.training.hook import Training
from works import WORKS


class UntilGood(latentscape.Hook):
    """Ends training once the validation error is as low as a job asks for.

    Attributes
    ----------
    errors : list of float
        After each epoch.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.errors = job, []

    def on_epoch(self, training: Training) -> None:
        """Measure in the unit of the work."""
        losses = training.last_epoch.validation
        squared = WORKS[self.job.work].squared_error
        self.errors.append(losses.mse * 28 * 28 if squared else losses.loss)
        if self.errors[-1] <= self.job.target:
            training.end()


def main() -> None:
    """Do the job."""
    job = read_job()
    train, held_out, test = (job.images(part) for part in ("train", "validation", "test"))
    data = latentscape.Dataset(
        "mnist",
        np.concatenate([train, held_out, test]),
        n_official_train=len(train),
        n_official_validation=len(held_out),
    )
    hook = UntilGood(job)
    changes = {"train.seed": job.seed, "train.precision": job.precision}
    run = latentscape.train(
        job.work,
        data=data,
        changes=changes,
        folder=job.folder,
        device="cpu",
        hooks=[hook],
        quiet=True,
    )
    model, parts = latentscape.load(run.path), torch.from_numpy(test).split(1000)
    with torch.inference_mode():
        # A quality is that of drawn codes, where codes are drawn.
        images = torch.cat([model.decode(model.code(part).z).flatten(1) for part in parts])
        rate = None
        if WORKS[job.work].variational:
            rate = torch.cat([model.posterior(part).rate().sum(1) for part in parts]).numpy()
    seconds = [epoch.seconds for epoch in run.history.epochs]
    job.answer(seconds, images.numpy(), rate, ["latentscape", "torch"], hook.errors)


if __name__ == "__main__":
    main()
