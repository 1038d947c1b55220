"""Latentscape: a recipe, trained as `latentscape train` trains it; the run is written too."""

import numpy as np
import torch

import latentscape
from job import read_job


def main() -> None:
    """Do the job."""
    job = read_job()
    train, test = (job.images(part) for part in ("train", "test"))
    data = latentscape.Dataset("images", np.concatenate([train, test]), n_official_train=len(train))
    changes = {
        "train.epochs": job.epochs,
        "train.batch_size": job.batch_size,
        "train.lr": job.lr,
        "train.seed": job.seed,
        "train.precision": job.precision,
        "data.validation": 0,
    }
    run = latentscape.train(
        job.recipe or job.work,
        data=data,
        changes=changes,
        as_published=True,
        folder=job.folder,
        device="cpu",
        quiet=True,
    )
    model, parts = latentscape.load(run.path), torch.from_numpy(test).split(1000)
    with torch.inference_mode():
        reconstructions = torch.cat([model.reconstruct(part).flatten(1) for part in parts])
        rate = None
        if model.config.latent.kind == "gaussian":
            rate = torch.cat([model.posterior(part).rate().sum(1) for part in parts]).numpy()
    seconds = [epoch.seconds for epoch in run.history.epochs]
    job.answer(seconds, reconstructions.numpy(), rate, ["latentscape", "torch"])


if __name__ == "__main__":
    main()
