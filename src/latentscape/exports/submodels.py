"""Encoder and decoder of a model, each a graph of its own that draws nothing."""

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from latentscape.core.errors import ConfigError, brief
from latentscape.core.records import Array, Split
from latentscape.inference.batches import Batch, evaluating, stored
from latentscape.model import Network

Runner = Callable[[Mapping[str, Array]], Array]
"""What runs a file: from arrays named and laid out as the inputs of a `Submodel`, to its output."""

MAX_CHECKED = 256
"""Largest number of test examples on which an exported file is compared with the model."""


@dataclass(frozen=True, eq=False)
class Submodel:
    """Encoder or decoder, with real examples of its inputs and of its outputs.

    Attributes
    ----------
    name : str
        ``encoder`` or ``decoder``.
    model : Network
        The whole model, on the CPU, evaluating.
    graph : nn.Module
        Takes `inputs` in their order, and returns what `output` names.
    inputs : dict of str to Tensor
        ``images`` as they are stored (N, *shape), or ``codes`` (N, D); and ``labels`` (N,), int64,
        of a model that is conditioned on them.
    output : str
        ``codes``, or ``images`` on the scale 0 to 1.
    expected : Tensor
        Its output for `inputs`, (N, D) or (N, *shape) of float32.
    """

    name: str
    model: Network
    graph: nn.Module
    inputs: dict[str, Tensor]
    output: str
    expected: Tensor

    def trace(self) -> ExportedProgram:
        """Record the operations of the graph, for any number of examples at once."""
        batch = Dim("batch")
        # Zeros, because the file keeps the examples that the graph is traced with.
        examples = tuple(value.new_zeros(2, *value.shape[1:]) for value in self.inputs.values())
        shapes = tuple({0: batch} for _ in examples)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # PyTorch's, about itself.
            program = self._traced(examples, shapes)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # Names folders of this machine.
        return program

    def _traced(
        self, examples: tuple[Tensor, ...], shapes: tuple[dict[int, Dim], ...]
    ) -> ExportedProgram:
        try:
            return torch.export.export(self.graph, examples, dynamic_shapes=shapes, strict=False)
        except Exception as error:
            if self.model.is_stock:
                raise
            raise ConfigError(
                f"PyTorch cannot export the {self.name}, a network of your own: {brief(error)}",
                fix="Let its forward take no decision by the numbers in a tensor, and fix no "
                "number of examples.",
            ) from error


def split_model(model: Network, split: Split | None) -> dict[str, Submodel]:
    """Divide a model into encoder and decoder.

    Parameters
    ----------
    model : Network
        On the CPU, evaluating.
    split : Split or None
        What it was trained on, of which some test examples go with each of them; without it
        images are made up.

    Returns
    -------
    dict of str to Submodel
        ``encoder`` and ``decoder``.
    """
    if split is None:
        images, labels = _made_up(model)
    else:
        images, labels = stored(split.dataset, split.subset("test", MAX_CHECKED))
    beside = {"labels": labels} if model.config.condition and labels is not None else {}
    with evaluating():
        decided = _decided(model, images, labels)
        images, beside = images[decided], {name: value[decided] for name, value in beside.items()}
        codes = model.encode(images, **beside)
        decoded = model.decode(codes, **beside)
    encoder, decoder = _Encoder(model), _Decoder(model)
    return {
        "encoder": Submodel(
            "encoder", model, encoder, {"images": images, **beside}, "codes", codes
        ),
        "decoder": Submodel(
            "decoder", model, decoder, {"codes": codes, **beside}, "images", decoded
        ),
    }


def _made_up(model: Network) -> Batch:
    """Make images up as a model stores them: noise, and what it makes of the codes of noise."""
    assert model.config.input is not None
    (low, high), count = model.config.input.range, MAX_CHECKED // 4
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(count, *model.input_shape, generator=generator)
    labels = torch.arange(count) % model.config.input.labels if model.config.condition else None
    with evaluating():
        smooth = model.decode(model.encode_scaled(noise, labels), labels).clamp(0, 1)
    images = low + torch.cat([noise, smooth]) * (high - low)
    is_byte = (low, high) == (0, 255)
    doubled = None if labels is None else labels.repeat(2)
    return images.round().to(torch.uint8) if is_byte else images, doubled


class _Encoder(nn.Module):
    """Stored images (B, *shape), and labels (B,) if conditional, to codes (B, D)."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = _only(model, "encoder", "latent")
        self.model.latent.forget_prior()

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.model.encode_scaled(self.model.scale(images), labels)


class _Decoder(nn.Module):
    """Codes (B, D), and labels (B,) if conditional, to mean images (B, *shape)."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = _only(model, "decoder", "likelihood")

    def forward(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.model.decode(codes, labels)


def _only(model: Network, *parts: str) -> Network:
    """Copy a model without the parts that a graph does not use: its file would hold them too."""
    copied = copy.deepcopy(model)
    # PyTorch warns of weights that are kept in another order.
    copied.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for name, _ in [*copied.named_children()]:
        if name not in parts:
            delattr(copied, name)
    return copied


def _decided(model: Network, images: Tensor, labels: Tensor | None) -> Tensor:
    """Tell for which images (B,) rounding cannot change the code; all, where it can for each."""
    decided = model.latent.is_decided(model.features(images, labels))
    return decided if decided.any() else ~decided
