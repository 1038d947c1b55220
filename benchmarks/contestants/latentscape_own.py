"""Latentscape: a recipe, trained as `latentscape train` trains it; the run is written too."""

import numpy as np
import torch

import latentscape
from job import read_job


def main() -> None:
    """Do the job."""
    job = read_job()
    train, test = (job.images(part)[:, None] for part in ("train", "test"))
    data = latentscape.Dataset("mnist", np.concatenate([train, test]), n_official_train=len(train))
    changes = {
        "train.epochs": job.epochs,
        "train.batch_size": job.batch_size,
        "train.lr": job.lr,
        "train.seed": job.seed,
        "train.precision": job.precision,
        "data.validation": 0,
    }
    run = latentscape.train(
        job.work, data=data, changes=changes, folder=job.folder, device="cpu", quiet=True
    )
    model, images = latentscape.load(run.path), torch.from_numpy(test)
    with torch.inference_mode():
        reconstructions = model.reconstruct(images).flatten(1).numpy()
        variational = model.config.latent.kind == "gaussian"
        rate = model.posterior(images).rate().sum(1).numpy() if variational else None
    seconds = [record["seconds"] for record in run.history]
    job.answer(seconds, reconstructions, rate, ["latentscape", "torch"])


if __name__ == "__main__":
    main()
