"""The two halves of a model, each a graph of its own that draws nothing."""

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from latentscape.core.records import Array, Split
from latentscape.inference.batches import evaluating, stored, subsample
from latentscape.model import Network
from latentscape.model.latents import GaussianLatent, VqLatent

Runner = Callable[[Mapping[str, Array]], Array]
"""What runs a file: from arrays named and laid out as the inputs of a `Half`, to its output."""

CHECKED = 256
"""Test examples at most on which an exported file is compared with the model."""

_ROUNDING = 1e-6
"""Share of the largest distance to a code by which rounding may change any distance."""


@dataclass(frozen=True, eq=False)
class Half:
    """Half of a model, with real examples of what it takes and of what it then gives.

    Attributes
    ----------
    name : str
        ``encoder`` or ``decoder``.
    model : Network
        The whole model, on the CPU, evaluating.
    graph : nn.Module
        Takes `inputs` in their order, and gives what `output` names.
    inputs : dict of str to Tensor
        ``images`` as they are stored (N, *shape), or ``codes`` (N, D); and ``labels`` (N,), int64,
        of a model that is conditioned on them.
    output : str
        ``codes``, or ``images`` on the scale 0 to 1.
    expected : Tensor
        What the model makes of `inputs`, (N, D) or (N, *shape) of float32.
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
        # Zeros, because what a graph is traced with is kept in its file.
        examples = tuple(value.new_zeros(2, *value.shape[1:]) for value in self.inputs.values())
        shapes = tuple({0: batch} for _ in examples)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # PyTorch's, about itself.
            program = torch.export.export(self.graph, examples, dynamic_shapes=shapes, strict=False)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # Names folders of this machine.
        return program


def halve(model: Network, split: Split) -> dict[str, Half]:
    """Divide a model into encoder and decoder.

    Parameters
    ----------
    model : Network
        On the CPU, evaluating.
    split : Split
        What it was trained on. Test examples, spread over the test part, go with each half.

    Returns
    -------
    dict of str to Half
        ``encoder`` and ``decoder``.
    """
    images, labels = stored(split.dataset, subsample(split.test, CHECKED))
    beside = {"labels": labels} if model.config.condition and labels is not None else {}
    with evaluating():
        sure = _sure(model, images)
        images, beside = images[sure], {name: value[sure] for name, value in beside.items()}
        codes = model.encode(images, **beside)
        restored = model.decode(codes, **beside)
    return {
        "encoder": Half(
            "encoder", model, _Encoder(model), {"images": images, **beside}, "codes", codes
        ),
        "decoder": Half(
            "decoder", model, _Decoder(model), {"codes": codes, **beside}, "images", restored
        ),
    }


class _Encoder(nn.Module):
    """Stored images (B, *shape), and labels (B,) if conditional, to codes (B, D)."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = _without(model, "decoder", "likelihood", "centers")
        if isinstance(self.model.latent, GaussianLatent):
            self.model.latent.pseudo_inputs = None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.model.encode(images, labels)


class _Decoder(nn.Module):
    """Codes (B, D), and labels (B,) if conditional, to mean images (B, *shape)."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = _without(model, "encoder", "latent", "centers")

    def forward(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.model.decode(codes, labels)


def _without(model: Network, *parts: str) -> Network:
    """Copy a model without what a graph does not use, which would be in its file all the same."""
    rest = copy.deepcopy(model)
    # PyTorch warns of weights that are kept in another order.
    rest.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for part in parts:
        delattr(rest, part)
    return rest


def _sure(model: Network, images: Tensor) -> Tensor:
    """Tell for which images (B,) no vector lies about as near to one code as to another.

    Which of these a vector-quantised model takes is decided by rounding, which no two programs do
    alike. Where that holds for all images, all are kept.
    """
    sure = torch.ones(len(images), dtype=torch.bool)
    if isinstance(model.latent, VqLatent):
        vectors = model.latent.layers(model.features(images)).flatten(2).transpose(1, 2)
        codes = model.latent.codebook.unique(dim=0)  # type: ignore[no-untyped-call]
        exact = "donot_use_mm_for_euclid_dist"
        distances = torch.cdist(vectors, codes, compute_mode=exact).square()
        near = distances <= distances.amin(-1, keepdim=True) + _ROUNDING * distances.max()
        sure = (near.sum(-1) == 1).all(-1)
    return sure if sure.any() else ~sure
