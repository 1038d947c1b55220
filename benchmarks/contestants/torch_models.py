"""The works in plain PyTorch, for all contestants that are built on it."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise
from math import prod
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from job import Checks, Job
from works import SLOPE, WORKS, Work


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """Return images (n, C, H, W) on the scale 0 to 1."""
    return torch.from_numpy(images).float().div(255)


def build_encoder(work: Work) -> nn.Sequential:
    """Build images (B, C, H, W) to codes, or to means and log-variances side by side."""
    numbers = 2 * work.code if work.variational else work.code
    layers: list[nn.Module]
    if work.widths:
        layers = [nn.Flatten(), *_hidden(work, (work.numbers, *work.widths))]
        layers.append(nn.Linear(work.widths[-1], numbers))
    else:
        layers = []
        for inputs, outputs in pairwise((work.shape[0], *work.down)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)]
            layers += [nn.LeakyReLU(SLOPE), nn.MaxPool2d(2)]
        layers += [nn.Flatten(), nn.Linear(prod(work.smallest), numbers)]
    if work.leaky and not work.variational:
        layers.append(nn.LeakyReLU(SLOPE))
    return _initialised(work, nn.Sequential(*layers))


def build_decoder(work: Work) -> nn.Sequential:
    """Build codes to the logits of images (B, C, H, W)."""
    layers: list[nn.Module]
    if work.widths:
        layers = _hidden(work, (work.code, *work.widths[::-1]))
        layers += [nn.Linear(work.widths[0], work.numbers), nn.Unflatten(1, work.shape)]
    else:
        layers = [nn.Linear(work.code, prod(work.smallest)), nn.Unflatten(1, work.smallest)]
        for inputs, outputs in pairwise((*work.up, work.shape[0])):
            layers.append(nn.LeakyReLU(SLOPE))
            layers.append(
                nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
            )
            layers.append(nn.BatchNorm2d(outputs))
    return _initialised(work, nn.Sequential(*layers))


def rate_of(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence (B,) of posteriors (B, D) from the prior."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


class Autoencoder(nn.Module):
    """Images to logits.

    Attributes
    ----------
    draws : bool
        Whether codes are drawn when evaluating too, if they are drawn at all.
    """

    draws = False

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.encoder = build_encoder(work)
        self.decoder = build_decoder(work)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return the logits."""
        return self.decoder(self.encoder(images))


class VariationalAutoencoder(Autoencoder):
    """Images to logits and rates (B,)."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of drawn codes, when evaluating of mean codes, and the rates.

        Where the model `draws`, codes are drawn always.
        """
        mean, log_variance = self.encoder(images).float().chunk(2, 1)
        code = mean
        if self.training or self.draws:
            code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(code), rate_of(mean, log_variance)


class Loss(nn.Module):
    """What a work minimises."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def forward(self, output: Tensor | tuple[Tensor, Tensor], images: Tensor) -> Tensor:
        """Return the loss of what the model put out for images."""
        logits, rate = output if self.work.variational else (output, None)
        logits = logits.float()
        if self.work.squared_error:
            error = F.mse_loss(logits.sigmoid(), images, reduction="sum")
        else:
            error = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        if rate is not None:
            error = error + rate.sum()
        return error / (images.numel() if self.work.per_pixel else len(images))


def build(work: Work) -> Autoencoder:
    """Build the model of a work."""
    return (VariationalAutoencoder if work.variational else Autoencoder)(work)


def in_precision(job: Job) -> AbstractContextManager[object]:
    """Return what a forward pass runs in: autocast, where the job asks for bfloat16."""
    return torch.autocast("cpu", torch.bfloat16, enabled=job.precision == "bfloat16")


def train(job: Job, batches: Iterable[Tensor], is_tuned: bool = False) -> None:
    """Train on batches that are drawn anew whenever they are iterated over, and answer the job.

    A tuned script follows PyTorch's performance guide: a fused optimizer, channels innermost. Where
    there are validation images, training ends once their error is as low as the job asks for.
    """
    torch.manual_seed(job.seed)
    work = WORKS[job.work]
    model, criterion, checks = build(work), Loss(work), Checks(job)
    if is_tuned:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=job.lr, fused=is_tuned)
    epoch_seconds: list[float] = []
    begin = perf_counter()
    while len(epoch_seconds) < job.epochs and not checks.is_done:
        start = perf_counter()
        for images in batches:
            optimizer.zero_grad()
            with in_precision(job):
                output = model(images)
            loss = criterion(output, images)
            loss.backward()
            optimizer.step()
            if job.validation:
                measure = partial(validation_error, model, criterion, job)
                checks.after_step(perf_counter() - begin, measure)
                if checks.is_done:
                    break
        epoch_seconds.append(perf_counter() - start)
    # A quality is that of drawn codes, where codes are drawn.
    model.draws = job.validation is not None
    job.answer(epoch_seconds, *reconstruct(model, job), ["torch"], checks)


@torch.inference_mode()
def validation_error(model: Autoencoder, criterion: Loss, job: Job) -> float:
    """Return the mean loss of the validation images, summed over pixels.

    Codes are drawn from the same seed each time, without a trace in training.
    """
    model.eval()
    model.draws = True
    images = to_tensor(job.images("validation"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        total = sum(criterion(model(part), part).item() * len(part) for part in images.split(1000))
    model.train()
    model.draws = False
    return total / len(images) * (images[0].numel() if criterion.work.per_pixel else 1)


@torch.inference_mode()
def reconstruct(
    model: Autoencoder, job: Job
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return what a model makes of the test images, and the rates of a variational one."""
    model.eval()
    outputs = [model(images) for images in to_tensor(job.images("test")).split(1000)]
    if not WORKS[job.work].variational:
        return _flat(outputs), None
    logits, rates = zip(*outputs, strict=True)
    return _flat(logits), torch.cat(rates).numpy()


def _flat(logits: Iterable[Tensor]) -> NDArray[np.float32]:
    return torch.cat(list(logits)).sigmoid().flatten(1).numpy()


def _hidden(work: Work, widths: Iterable[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers.append(nn.Linear(inputs, outputs))
        layers.append(nn.LeakyReLU(SLOPE) if work.leaky else nn.ReLU())
        if work.dropout:
            layers.append(nn.Dropout(work.dropout))
    return layers


def _initialised(work: Work, layers: nn.Sequential) -> nn.Sequential:
    for layer in layers:
        if work.glorot and isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return layers
