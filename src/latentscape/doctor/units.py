"""What single units of a network do over many examples."""

from torch import Tensor

from latentscape.inference.batches import cut, evaluating, to_device
from latentscape.model import Network
from latentscape.model.units import Layer, watched


def watch_units(model: Network, images: Tensor, labels: Tensor | None) -> list[Layer]:
    """Let stored images pass through a network, and return what the units of each layer did."""
    with watched(model) as layers, evaluating():
        for batch in cut((images, labels), 250):
            model.reconstruct(*to_device(model, batch))
    return layers
