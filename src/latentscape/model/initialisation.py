"""The initial weights of a network."""

from collections.abc import Collection, Iterable
from typing import TypeGuard

import torch
from torch import Tensor, nn

from latentscape.config import InitConfig
from latentscape.model.likelihoods import Likelihood
from latentscape.model.own import stock_modules

LINEAR = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

OUTPUT_SD = 0.1
"""How far the first outputs of a decoder are from the mean image: less than data ever are."""

MAX_OUTPUT = 4.0
"""Largest output that stands for a pixel of the mean image: as a logit, 0.98."""

_SMALLEST_SD = 1e-4
"""Below it a number counts as the same for all images, and is not blown up."""


def initialise(model: nn.Module, config: InitConfig) -> None:
    """Set the initial weights of every linear and convolutional layer, from torch's generator.

    Modules of the user's own start as they were made.
    """
    if config.kind == "torch":
        return
    for layer in stock_modules(model):
        if isinstance(layer, LINEAR):
            if config.kind == "glorot_uniform":
                nn.init.xavier_uniform_(layer.weight)
            else:
                sd = config.sd
                nn.init.trunc_normal_(layer.weight, std=sd, a=-2 * sd, b=2 * sd)
            assert layer.bias is not None
            nn.init.constant_(layer.bias, config.bias)


def standardise(
    layers: Iterable[nn.Module], values: Tensor, kept: Collection[nn.Module] = ()
) -> Tensor:
    """Scale weights so that what each layer puts out has mean 0 and variance 1.

    Batch normalisation does so by itself. Dropout counts as in training: scaled to the variance
    without it, a deep network would start with little but its noise.

    Parameters
    ----------
    layers : iterable of Module
        One after the other.
    values : Tensor
        (B, ...) what the first takes.
    kept : collection of Module
        Layers that stay as they are.

    Returns
    -------
    Tensor
        What the last puts out.
    """
    layers = list(layers)
    for layer, following in zip(layers, [*layers[1:], None], strict=False):
        if layer not in kept and _is_affine(layer) and not isinstance(following, BATCH_NORMS):
            outputs = _by_channel(layer(values))
            mean, sd = outputs.mean(0), outputs.std(0, correction=0).clamp_min(_SMALLEST_SD)
            axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
            shape = [-1 if place == axis else 1 for place in range(layer.weight.dim())]
            layer.weight.data /= sd.reshape(shape)
            layer.bias.data = (layer.bias.data - mean) / sd
        values = layer(values)
    return values


def start_at_mean(
    decoder: nn.Sequential,
    codes: Tensor,
    images: Tensor,
    likelihood: Likelihood,
    kept: Collection[nn.Module] = (),
) -> None:
    """Standardise a decoder up to its last layer, and let that one put out about the mean image.

    Parameters
    ----------
    decoder : nn.Sequential
        From codes to what `likelihood` reads.
    codes, images : Tensor
        (B, D) and (B, *shape), scaled to 0 to 1.
    likelihood : Likelihood
        Says which output stands for the mean image. Convolutions put out one grey for each channel.
    kept : collection of Module
        Layers that stay as they are.
    """
    layers = list(decoder)
    places = [place for place, layer in enumerate(layers) if _is_affine(layer)]
    if not places:  # A body of another package, which may start as it likes.
        return
    last = places[-1]
    inputs, end = standardise(layers[:last], codes, kept), layers[last]
    if end in kept:
        return
    mean = images.mean(0).flatten() if isinstance(end, nn.Linear) else _by_channel(images).mean(0)
    start = output_of(mean, likelihood)
    following = layers[last + 1] if last + 1 < len(layers) else None
    if isinstance(following, BATCH_NORMS):  # Its one scale would grow too slowly from less than 1.
        following.bias.data = start
        return
    assert _is_affine(end)
    outputs = end(inputs)
    sd = outputs.std(0, correction=0).square().mean().sqrt().clamp_min(_SMALLEST_SD)
    end.weight.data *= OUTPUT_SD / sd
    end.bias.data.zero_()
    end.bias.data = start - _by_channel(end(inputs)).mean(0)


def output_of(mean: Tensor, likelihood: Likelihood) -> Tensor:
    """Return outputs whose mean images are `mean`, found by halving an interval 40 times."""
    low, high = torch.full_like(mean, -MAX_OUTPUT), torch.full_like(mean, MAX_OUTPUT)
    for _ in range(40):
        middle = (low + high) / 2
        below = likelihood.mean(middle) < mean
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def _is_affine(layer: nn.Module) -> TypeGuard[nn.Linear]:
    """Whether a layer has weights and a bias that shifts each channel it puts out."""
    return isinstance(layer, LINEAR) and layer.bias is not None


def _by_channel(values: Tensor) -> Tensor:
    """Return (B, C, ...) as (B * ..., C)."""
    return values.movedim(1, -1).reshape(-1, values.shape[1])
