"""What single units of a network do over many examples: which are dead, and which saturated."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from latentscape.model.network import Network

SATURATED = 0.02
"""A sigmoid so near to one of its ends, or a tanh so near on the scale 0 to 1, passes hardly any
gradient: at most 8 % of what it passes in the middle."""

Part = Literal["encoder", "latent", "decoder"]


@dataclass
class Layer:
    """The units behind one activation: numbers of a vector, or channels of a map.

    Attributes
    ----------
    part, place : str, int
        Part of the network, and which of its activations it is, counted from 1.
    kind : str
        ``relu``, ``sigmoid`` or ``tanh``.
    largest, smallest : Tensor
        (units,) the largest and the smallest number that each has put out.
    saturated, numbers : float, int
        How many numbers were saturated, and how many there were.
    """

    part: Part
    place: int
    kind: str
    largest: Tensor = field(default_factory=lambda: torch.empty(0))
    smallest: Tensor = field(default_factory=lambda: torch.empty(0))
    saturated: float = 0.0
    numbers: int = 0

    def look(self, outputs: Tensor) -> None:
        """Take in what the activation puts out for a batch."""
        units = outputs.detach().transpose(0, 1).flatten(1)  # (units, everything else)
        largest, smallest = units.amax(1).cpu(), units.amin(1).cpu()
        if self.numbers:
            largest, smallest = largest.max(self.largest), smallest.min(self.smallest)
        self.largest, self.smallest = largest, smallest
        self.numbers += units.numel()
        scaled = (units + 1) / 2 if self.kind == "tanh" else units
        self.saturated += float(((scaled < SATURATED) | (scaled > 1 - SATURATED)).sum())

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.largest)

    @property
    def dead(self) -> float:
        """Share of the units that put out 0 for every example."""
        return float(((self.largest == 0) & (self.smallest == 0)).float().mean())

    @property
    def saturated_share(self) -> float:
        """Share of the numbers that are saturated."""
        return self.saturated / max(1, self.numbers)


_KINDS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh"}


@contextmanager
def watched(model: Network) -> Iterator[list[Layer]]:
    """Put a `Layer` behind every activation that can die or saturate, once it is called.

    An activation that stands behind several layers, of different widths, counts as several.
    """
    layers, known, hooks = list[Layer](), dict[tuple[nn.Module, int], Layer](), []

    def look(part: Part, place: int, item: nn.Module, inputs: Any, outputs: Tensor) -> None:
        key = item, outputs.shape[1]
        if key not in known:
            known[key] = Layer(part, place, _KINDS[type(item)])
            layers.append(known[key])
        known[key].look(outputs)

    for part, module in _parts(model):
        activations = [item for item in module.modules() if type(item) in _KINDS]
        for place, item in enumerate(activations, start=1):
            hooks.append(item.register_forward_hook(partial(look, part, place)))
    try:
        yield layers
    finally:
        for hook in hooks:
            hook.remove()


def _parts(model: Network) -> Iterator[tuple[Part, nn.Module]]:
    yield "encoder", model.encoder
    yield "latent", model.latent.layers
    yield "decoder", model.decoder
