"""Latentscape by its default way: training fitted to the data, until the model is good enough."""

import numpy as np
import torch

import latentscape
from job import Checks, Job, read_job
from latentscape.core.errors import Interrupted
from latentscape.core.runtime import full_precision
from latentscape.model import Network
from latentscape.training.hook import Training
from latentscape.training.hooks.averaging import Averaging
from latentscape.training.hooks.validation import validate
from works import WORKS


class UntilGood(latentscape.Hook):
    """Stops training once the validation error is as low as a job asks for.

    Attributes
    ----------
    weights : dict or None
        Of the model that is as good.
    """

    def __init__(self, job: Job, validation: np.ndarray) -> None:
        self.checks, self.validation, self.weights = Checks(job), validation, None
        self.is_squared = WORKS[job.work].squared_error

    def on_step(self, training: Training) -> None:
        """Measure where it is time."""
        state = training.state
        seconds = sum(epoch.seconds for epoch in state.history) + state.seconds
        self.checks.after_step(seconds, lambda: self.measure(training))

    def measure(self, training: Training) -> float:
        """Return the error of the model as it would be if the epoch ended here."""
        model, averaging = training.model, training.hooks
        averages = [hook for hook in averaging if isinstance(hook, Averaging)]
        model.eval()
        with full_precision():
            for each in averages:
                each.on_epoch(training)
            seed = training.config.seed
            losses = validate(model, training.loader.data, self.validation, seed)
            error = losses.mse * 28 * 28 if self.is_squared else losses.loss
            if error <= self.checks.job.target:
                self.weights = {k: value.clone() for k, value in model.state_dict().items()}
                training.stop()
            for each in averages:
                each.put_back(training)
        model.train()
        return error


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
    hook = UntilGood(job, np.arange(len(train), len(train) + len(held_out)))
    try:
        run = latentscape.train(
            job.work,
            data=data,
            changes={"train.seed": job.seed, "train.precision": job.precision},
            name="run",
            folder=job.folder,
            device="cpu",
            hooks=[hook],
            quiet=True,
        )
    except Interrupted:  # The model is good enough.
        run = latentscape.open_run(job.folder / "run")
    model = Network(run.recipe.model, run.recipe.objective).eval()
    model.load_state_dict(hook.weights or latentscape.load(run.path).state_dict())
    seconds = [epoch.seconds for epoch in run.history.epochs]
    job.answer(
        seconds, *drawn(model, torch.from_numpy(test)), ["latentscape", "torch"], hook.checks
    )


@torch.inference_mode()
def drawn(model: Network, images: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
    """Return mean images of drawn codes, where codes are drawn, and the rates of these codes."""
    parts = images.split(1000)
    decoded = torch.cat([model.decode(model.code(part).z).flatten(1) for part in parts])
    if not model.config.latent.has_posterior:
        return decoded.numpy(), None
    rates = [model.posterior(part).rate().sum(1) for part in parts]
    return decoded.numpy(), torch.cat(rates).numpy()


if __name__ == "__main__":
    main()
