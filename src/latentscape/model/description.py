"""The layers of a network, listed for people."""

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


def describe_layers(part: str, layers: nn.Sequential, values: Tensor, rows: list[Json]) -> Tensor:
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
    """
    for layer in layers:
        if isinstance(layer, Opaque):
            rows += [describe_row(part, *facts) for facts in layer.layers]
            values = values.new_zeros(1, *layer.output_shape)
            continue
        values = layer(values)
        shape = tuple(values.shape[1:])
        rows.append(describe_row(part, layer_name(layer), shape, count_parameters(layer)))
    return values


def describe_row(part: str, layer: str, output: tuple[int, ...], parameters: int) -> Json:
    """Return the row of a layer; see `Network.describe`."""
    return {"part": part, "layer": layer, "output": list(output), "parameters": parameters}


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
