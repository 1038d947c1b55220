"""Pythae: its `AE` and `VAE` with encoders and decoders of one's own, in its training pipeline."""

from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F
from pythae.models import AE, VAE, AEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor

from job import Job, read_job
from torch_models import build_decoder, build_encoder, rate_of, to_tensor
from works import WORKS, Work


class Encoder(BaseEncoder):
    """Images to codes, or to the means and log-variances of codes."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.layers = build_encoder(work)
        self.variational = work.variational

    def forward(self, x: Tensor) -> ModelOutput:
        """Return them under the names that Pythae gives them."""
        numbers = self.layers(x)
        if not self.variational:
            return ModelOutput(embedding=numbers)
        mean, log_variance = numbers.chunk(2, 1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """Codes to mean images."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.layers = build_decoder(work)

    def forward(self, z: Tensor) -> ModelOutput:
        """Return them under the name that Pythae gives them."""
        return ModelOutput(reconstruction=self.layers(z).sigmoid())


class BernoulliAE(AE):
    """An `AE`, which knows the squared error alone, with the cross-entropy of Pythae's `VAE`."""

    per_pixel: bool

    def loss_function(self, recon_x: Tensor, x: Tensor) -> Tensor:
        """Return the loss of a batch."""
        error = F.binary_cross_entropy(recon_x, x, reduction="sum")
        return error / (x.numel() if self.per_pixel else len(x))


class EpochTimes(TrainingCallback):
    """Notes the seconds of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, training_config: BaseTrainerConfig, **kwargs: Any) -> None:
        """Start the clock."""
        self.start = perf_counter()

    def on_epoch_end(self, training_config: BaseTrainerConfig, **kwargs: Any) -> None:
        """Stop it."""
        self.seconds.append(perf_counter() - self.start)


def build(work: Work) -> AE | VAE:
    """Build the model of a work."""
    parts = Encoder(work), Decoder(work)
    if work.variational:
        config = VAEConfig(input_dim=work.shape, latent_dim=work.code, reconstruction_loss="bce")
        return VAE(config, *parts)
    config = AEConfig(input_dim=work.shape, latent_dim=work.code)
    if work.squared_error:
        return AE(config, *parts)
    model = BernoulliAE(config, *parts)
    model.per_pixel = work.per_pixel
    return model


def train(model: AE | VAE, job: Job) -> list[float]:
    """Train a model and return the seconds of each epoch."""
    config = BaseTrainerConfig(
        output_dir=str(job.folder / "pythae"),
        num_epochs=job.epochs,
        per_device_train_batch_size=job.batch_size,
        learning_rate=job.lr,
        optimizer_params={"fused": True},
        seed=job.seed,
        no_cuda=True,
    )
    times = EpochTimes()
    pipeline = TrainingPipeline(model, config)
    pipeline(to_tensor(job.images("train")), callbacks=[times])
    return times.seconds


def main() -> None:
    """Do the job."""
    job = read_job()
    work = WORKS[job.work]
    torch.manual_seed(job.seed)
    model = build(work)
    epoch_seconds = train(model, job)
    model.eval()
    images, rates = [], []
    with torch.inference_mode():
        for part in to_tensor(job.images("test")).split(1000):
            code = model.encoder(part)
            images.append(model.decoder(code.embedding).reconstruction.flatten(1))
            if work.variational:
                rates.append(rate_of(code.embedding, code.log_covariance))
    rate = torch.cat(rates).numpy() if rates else None
    job.answer(epoch_seconds, torch.cat(images).numpy(), rate, ["pythae", "torch"])


if __name__ == "__main__":
    main()
