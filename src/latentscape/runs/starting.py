"""The weights of an earlier model, for another one to begin with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.fetched import local
from latentscape.model import Network
from latentscape.runs.directory import Run
from latentscape.runs.lineage import LeftReason, LeftWeight, Start
from latentscape.runs.model_file import read_weights, weights_checksum


@dataclass(frozen=True, eq=False)
class EarlierModel:
    """A trained model that another one begins with.

    Attributes
    ----------
    source : Path
        Directory of its run, or its model file; absolute.
    recipe : Recipe
        Its whole resolved recipe.
    data : str
        Fingerprint of its training data; empty where the file does not say.
    weights : mapping of str to Tensor
        By their names in the network.
    """

    source: Path
    recipe: Recipe
    data: str
    weights: Mapping[str, Tensor]

    @classmethod
    def open(cls, source: str | Path | Run) -> Self:
        """Read the model of a finished run, or a model file.

        Raises
        ------
        RunError
            If there is no sound model.
        """
        path = source.path if isinstance(source, Run) else local(source, RunError, sealed=True)
        file = read_weights(path)
        # Copied: training goes on from them where the file is gone meanwhile.
        weights = {name: tensor.clone() for name, tensor in file.weights.items()}
        return cls(Path(os.path.abspath(path)), file.recipe, file.data, weights)

    @classmethod
    def of(cls, start: Start) -> Self:
        """Read the model that a run began with again.

        Raises
        ------
        RunError
            If it is not there any more, or has other weights by now.
        """
        model = cls.open(start.source)
        if weights_checksum(model.weights) != start.sha256:
            raise RunError(
                f"The weights in {start.source} are not those that the run began with",
                fix="Train anew: latentscape train --from RUN.",
            )
        return model

    def start_of(self, network: Network) -> Start:
        """Say which weights a network can begin with.

        Parameters
        ----------
        network : Network
            It may have shapes alone, without numbers.

        Raises
        ------
        ConfigError
            If there are none.
        """
        own, taken = network.state_dict(), agreeing(network.state_dict(), self.weights)
        if not any(name in taken for name, _ in network.named_parameters()):
            raise ConfigError(
                f"No layer of {self.source} (recipe {self.recipe.name}) has the name and the "
                "shape of a layer of this model",
                expected="a model whose encoder or decoder is built alike",
                fix=f"See the settings of both: latentscape runs show {self.source}.",
            )
        return Start(
            source=str(self.source),
            recipe=self.recipe.name,
            sha256=weights_checksum(self.weights),
            data=self.data,
            taken=tuple(taken),
            numbers=sum(own[name].numel() for name in taken),
            all_numbers=sum(tensor.numel() for tensor in own.values()),
            left=tuple(_left(own, self.weights)),
        )


def agreeing(own: Mapping[str, Tensor], earlier: Mapping[str, Tensor]) -> list[str]:
    """Return the names of tensors whose layers have the same tensors in both models.

    A bias says nothing without the weights that it belongs to, so layers are taken as a whole.
    """
    ours, theirs = _layers(own), _layers(earlier)
    same = {layer for layer, shapes in ours.items() if theirs.get(layer) == shapes}
    return [name for name in own if _layer_of(name) in same]


def _left(own: Mapping[str, Tensor], earlier: Mapping[str, Tensor]) -> list[LeftWeight]:
    taken = set(agreeing(own, earlier))
    return [
        LeftWeight(
            name=name,
            reason=_reason(own.get(name), earlier.get(name)),
            shape=tuple(own[name].shape) if name in own else None,
            earlier_shape=tuple(earlier[name].shape) if name in earlier else None,
        )
        for name in dict.fromkeys([*own, *earlier])
        if name not in taken
    ]


def _reason(own: Tensor | None, earlier: Tensor | None) -> LeftReason:
    if own is None:
        return "unused"
    if earlier is None:
        return "new"
    return "layer" if own.shape == earlier.shape else "shape"


def _layers(weights: Mapping[str, Tensor]) -> dict[str, dict[str, torch.Size]]:
    """Return the shapes of the tensors of each layer."""
    layers: dict[str, dict[str, torch.Size]] = {}
    for name, tensor in weights.items():
        layers.setdefault(_layer_of(name), {})[name] = tensor.shape
    return layers


def _layer_of(name: str) -> str:
    return name.rpartition(".")[0]
