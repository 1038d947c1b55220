"""What a training step has to multiply, counted from the layers of a network."""

import math

import torch
from torch import Tensor, nn

from benchmarks.works import named
from latentscape import load_recipe
from latentscape.config import InputConfig
from latentscape.model import Network

MULTIPLYING = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def training_flops(recipe: str) -> int:
    """Count the floating-point operations of a training step of a work, for one of its images.

    The products of the forward pass, and of the backward pass those for the gradients of kernels
    and of inputs, which are as many each; but no gradient of the image. An operation is a
    multiplication or an addition. What is done number by number does not count.
    """
    forward = _forward_flops(recipe)
    return 3 * sum(forward) - forward[0]


def _forward_flops(recipe: str) -> list[int]:
    """Count the operations of each product of the forward pass."""
    work = named(recipe)
    config = load_recipe(work.source)
    model = config.model.model_copy(update={"input": InputConfig(shape=work.shape)})
    network = Network(model, config.objective).eval()
    counted: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        counted.append(2 * _multiplications(layer, inputs[0], output))

    for layer in network.modules():
        if isinstance(layer, MULTIPLYING):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, *work.shape))
    return counted


def _multiplications(layer: nn.Module, maps: Tensor, output: Tensor) -> int:
    """Return how often a layer multiplies: each kernel once at each place.

    The places are those of the output, of a transpose convolution those of the input.
    """
    kernels = layer.get_parameter("weight").numel()
    if isinstance(layer, nn.Linear):
        return kernels
    places = maps if isinstance(layer, nn.ConvTranspose2d) else output
    return kernels * math.prod(places.shape[2:])
