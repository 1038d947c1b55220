"""The same encoder in fewer and cheaper layers, for models that are only evaluated.

Folding changes the order of additions and multiplications, so that codes differ from those of the
network itself by rounding.
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from latentscape.model import Network


def folded(model: Network) -> Network:
    """Return a network that encodes as `model` does when it evaluates, up to rounding, but faster.

    Batch normalisation goes into the weights of the layer before it. On the CPU convolution,
    max-pooling and (leaky) ReLU pass maps to each other in the memory layout of oneDNN, the library
    that computes them: otherwise each of them converts the maps to it and back.

    Parameters
    ----------
    model : Network
        Not changed.

    Returns
    -------
    Network
        On the same device, evaluating; for `Network.encode` alone.
    """
    lean = deepcopy(model).eval()
    layers = _without_normalisation(lean.encoder)
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if onednn and model.device.type == "cpu":
        layers = _with_stages(layers)
    lean.encoder = nn.Sequential(*layers)
    return lean


def _without_normalisation(layers: nn.Sequential) -> list[nn.Module]:
    """Fold batch normalisation into the layer before it, and leave dropout out."""
    result: list[nn.Module] = []
    for layer in layers:
        last = result[-1] if result else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(last, nn.Conv2d):
            result[-1] = fuse_conv_bn_eval(last, layer)
        elif isinstance(layer, nn.BatchNorm1d) and isinstance(last, nn.Linear):
            result[-1] = fuse_linear_bn_eval(last, layer)
        elif not isinstance(layer, nn.Dropout):
            result.append(layer)
    return result


def _with_stages(layers: list[nn.Module]) -> list[nn.Module]:
    """Join each convolution with the max-pooling and the (leaky) ReLU behind it."""
    result: list[nn.Module] = []
    for layer in layers:
        match [*result[-2:], layer]:
            case [nn.Conv2d() as convolution, nn.MaxPool2d() as pool, nn.ReLU() | nn.LeakyReLU()]:
                result[-2:] = [_Stage(convolution, pool, getattr(layer, "negative_slope", 0.0))]
            case _:
                result.append(layer)
    # The stages of an encoder are all alike and come first, so that one conversion ends them.
    stages = sum(isinstance(layer, _Stage) for layer in result)
    return [*result[:stages], *([_ToDense()] if stages else []), *result[stages:]]


class _Stage(nn.Module):
    """Convolution, max-pooling and (leaky) ReLU, from and to maps in oneDNN's layout.

    PyTorch has no leaky ReLU for this layout, but ``(1 - s) relu(x) + s x`` is one of slope ``s``.
    The factor ``1 - s`` goes into the weights, so that ``s / (1 - s)`` of x is left to add.
    """

    def __init__(self, convolution: nn.Conv2d, pool: nn.MaxPool2d, slope: float) -> None:
        super().__init__()
        assert convolution.bias is not None
        assert not isinstance(convolution.padding, str)
        self._stride, self._padding, self._pool = convolution.stride, convolution.padding, pool
        weight, bias = convolution.weight.detach().contiguous(), convolution.bias.detach()
        self._weight, self._bias = (((1 - slope) * part).to_mkldnn() for part in (weight, bias))
        self._share = slope / (1 - slope)

    def forward(self, maps: Tensor) -> Tensor:
        if not maps.is_mkldnn:
            maps = maps.to_mkldnn()
        maps = self._pool(F.conv2d(maps, self._weight, self._bias, self._stride, self._padding))
        return torch.add(F.relu(maps), maps, alpha=self._share) if self._share else F.relu(maps)


class _ToDense(nn.Module):
    """From oneDNN's layout to the usual one."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.to_dense()
