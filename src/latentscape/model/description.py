"""The layers of a network, listed for people."""

from collections.abc import Collection

from torch import Tensor, nn

from latentscape.core.findings import Json

LayerFacts = tuple[str, tuple[int, ...], int]
"""What a layer is called, the shape of what it puts out for one example, and its parameters."""


class Opaque(nn.Module):
    """A module that is no chain of layers, and knows itself what it is made of.

    Attributes
    ----------
    layers : tuple of LayerFacts
        In the order in which data pass them.
    output_shape : tuple of int
        Of what it puts out for one example.
    """

    layers: tuple[LayerFacts, ...] = ()
    output_shape: tuple[int, ...] = ()


def describe_layers(
    part: str, layers: nn.Sequential, values: Tensor, rows: list[Json], frozen: Collection[int] = ()
) -> Tensor:
    """Append a row for each layer, and return their output.

    Parameters
    ----------
    part : str
        What the layers belong to.
    layers : nn.Sequential
        In order.
    values : Tensor
        Their input (B, *shape).
    rows : list of dict
        The list to append to; see `Network.describe`.
    frozen : collection of int
        The ``id`` of every weight that is frozen.
    """
    for layer in layers:
        if isinstance(layer, Opaque):
            is_frozen = all(id(weight) in frozen for weight in layer.parameters())
            rows += [_row(part, *facts, facts[2] * is_frozen) for facts in layer.layers]
            values = values.new_zeros(1, *layer.output_shape)
            continue
        values = layer(values)
        shape = tuple(values.shape[1:])
        rows.append(describe(part, layer_name(layer), shape, list(layer.parameters()), frozen))
    return values


def describe(
    part: str,
    name: str,
    output: tuple[int, ...],
    weights: Collection[nn.Parameter],
    frozen: Collection[int],
) -> Json:
    """Return the row of a layer, with as many parameters as its weights have numbers."""
    held = sum(weight.numel() for weight in weights if id(weight) in frozen)
    return _row(part, name, output, sum(weight.numel() for weight in weights), held)


def _row(part: str, name: str, output: tuple[int, ...], parameters: int, frozen: int) -> Json:
    counts = {"parameters": parameters, "frozen": frozen}
    return {"part": part, "layer": name, "output": list(output), **counts}


def beside(module: nn.Module, layers: nn.Module) -> list[nn.Parameter]:
    """Return the weights that a module has beside its layers."""
    listed = set(map(id, layers.parameters()))
    return [weight for weight in module.parameters() if id(weight) not in listed]


def layer_name(layer: nn.Module) -> str:
    """Return what lists call a layer."""
    name = type(layer).__name__
    if isinstance(layer, nn.Linear):
        name += f" {layer.in_features}→{layer.out_features}"
    elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        height, width = layer.kernel_size
        name += f" {layer.in_channels}→{layer.out_channels}, {height}×{width}"
        name += f", stride {layer.stride[0]}" if layer.stride[0] != 1 else ""
    elif isinstance(layer, nn.Dropout):
        name += f" {layer.p:g}"
    return name


def count_parameters(module: nn.Module) -> int:
    """Return the number of weights and biases."""
    return sum(parameter.numel() for parameter in module.parameters())
