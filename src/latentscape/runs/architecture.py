"""The layers of a model, as findings hold them."""

from pydantic import Field

from latentscape.core.findings import Part, Record
from latentscape.runs.facts import Shape


class Layer(Record):
    """A layer of a model, with the shape that it gives for one example.

    Attributes
    ----------
    part, layer : str
        What it belongs to, and what it is.
    output : tuple of int
        Shape of what it gives.
    parameters, frozen : int
        Weights and biases; and those of them that training leaves as they are.
    """

    part: str
    layer: str
    output: Shape
    parameters: int = Field(ge=0)
    frozen: int = Field(0, ge=0)


class Architecture(Part):
    """The layers of a model.

    Attributes
    ----------
    layers : tuple of Layer
        From the input to the output.
    parameters, frozen : int
        Weights and biases; and those of them that training leaves as they are.
    latent_dim : int
        Length of a code.
    """

    part = "architecture"

    layers: tuple[Layer, ...]
    parameters: int = Field(ge=0)
    frozen: int = Field(0, ge=0)
    latent_dim: int = Field(ge=1)
