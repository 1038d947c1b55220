"""The same encoder in fewer and cheaper steps, for models that are only evaluated."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from latentscape.model.network import Network


def folded(model: Network) -> Network:
    """Return a network that encodes as `model` does when it evaluates, up to rounding, but faster.

    Batch normalisation goes into the weights of the layer before it. On the CPU convolution,
    max-pooling and (leaky) ReLU hand maps on to each other in oneDNN's own layout of memory.

    Parameters
    ----------
    model : Network
        Stays as it is.

    Returns
    -------
    Network
        On the same device, evaluating; for `Network.encode` alone.
    """
    lean = deepcopy(model).eval()
    layers = _fewer(lean.encoder)
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if onednn and model.device.type == "cpu":
        layers = _staged(layers)
    lean.encoder = nn.Sequential(*layers)
    return lean


def _fewer(layers: nn.Sequential) -> list[nn.Module]:
    """Fold normalisation, and leave dropout out."""
    made: list[nn.Module] = []
    for layer in layers:
        last = made[-1] if made else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(last, nn.Conv2d):
            made[-1] = fuse_conv_bn_eval(last, layer)
        elif isinstance(layer, nn.BatchNorm1d) and isinstance(last, nn.Linear):
            made[-1] = fuse_linear_bn_eval(last, layer)
        elif not isinstance(layer, nn.Dropout):
            made.append(layer)
    return made


def _staged(layers: list[nn.Module]) -> list[nn.Module]:
    """Make one step of each convolution with the max-pooling and the (leaky) ReLU behind it."""
    made: list[nn.Module] = []
    for layer in layers:
        match [*made[-2:], layer]:
            case [nn.Conv2d() as convolution, nn.MaxPool2d() as pool, nn.ReLU() | nn.LeakyReLU()]:
                made[-2:] = [_Stage(convolution, pool, getattr(layer, "negative_slope", 0.0))]
            case _:
                made.append(layer)
    stages = sum(isinstance(layer, _Stage) for layer in made)  # All alike, and nothing before them.
    return [*made[:stages], *([_Dense()] if stages else []), *made[stages:]]


class _Stage(nn.Module):
    """Convolution, max-pooling and (leaky) ReLU, from and to maps in oneDNN's layout.

    oneDNN here knows no leaky ReLU, but (1 - s) relu(x) + s x is one; the factor goes into the
    weights.
    """

    def __init__(self, convolution: nn.Conv2d, pool: nn.MaxPool2d, leak: float) -> None:
        super().__init__()
        assert convolution.bias is not None
        assert not isinstance(convolution.padding, str)
        self._stride, self._padding, self._pool = convolution.stride, convolution.padding, pool
        weight, bias = convolution.weight.detach().contiguous(), convolution.bias.detach()
        self._weight, self._bias = (((1 - leak) * part).to_mkldnn() for part in (weight, bias))
        self._share = leak / (1 - leak)

    def forward(self, maps: Tensor) -> Tensor:
        if not maps.is_mkldnn:
            maps = maps.to_mkldnn()
        maps = self._pool(F.conv2d(maps, self._weight, self._bias, self._stride, self._padding))
        return torch.add(F.relu(maps), maps, alpha=self._share) if self._share else F.relu(maps)


class _Dense(nn.Module):
    """The way back from oneDNN's layout."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.to_dense()
