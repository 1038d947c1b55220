"""Checkpoints: all that an exact resume needs, checksummed, the last two kept.

A checkpoint is a file of tensors and, written after it, a manifest with the file's SHA-256 and
everything that is not a tensor. One without a manifest, or whose sum differs, does not count.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from latentscape.core.errors import RunError
from latentscape.core.files import write_bytes, write_json


@dataclass(frozen=True)
class Checkpoint:
    """What was saved.

    Attributes
    ----------
    tensors : mapping of str to Tensor
        On the CPU.
    values : mapping
        JSON-able rest; ``epoch`` and ``step`` place the checkpoint.
    """

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


class CheckpointFolder:
    """The checkpoints of a run.

    Parameters
    ----------
    path : Path
        Folder, made when the first is saved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove all but it and the last one at the end of an epoch.

        Raises
        ------
        RunError
            If it cannot be written; the ones before still stand.
        """
        epoch, step = checkpoint.values["epoch"], checkpoint.values["step"]
        manifest = self.path / f"{epoch:06d}-{step:08d}.json"
        tensors = manifest.with_suffix(".safetensors")
        content = save({name: value.contiguous() for name, value in checkpoint.tensors.items()})
        write_bytes(tensors, content)
        write_json(manifest, {**checkpoint.values, "sha256": sha256(content).hexdigest()})
        before = [file for file in self._manifests() if file != manifest]
        kept = {manifest.stem, *[file.stem for file in before if _at_epoch_end(file)][-1:]}
        # What a kill left half-written goes too.
        for file in self.path.iterdir():
            if file.stem not in kept:
                file.unlink()

    def latest(self, *, epoch_end: bool = False) -> Checkpoint | None:
        """Read the newest sound checkpoint.

        Parameters
        ----------
        epoch_end : bool
            Whether only those between two epochs count.

        Returns
        -------
        Checkpoint or None
            None where there is none.

        Raises
        ------
        RunError
            If there are checkpoints but all are damaged.
        """
        manifests = [file for file in self._manifests() if not epoch_end or _at_epoch_end(file)]
        for manifest in reversed(manifests):
            checkpoint = _read(manifest)
            if checkpoint is not None:
                return checkpoint
        if manifests:
            raise RunError(
                f"Every checkpoint in {self.path} is damaged",
                fix="Delete that folder to train this run from its start.",
            )
        return None

    def _manifests(self) -> list[Path]:
        return sorted(file for file in self.path.glob("*.json") if not file.name.startswith("."))


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Name every tensor of an optimizer's state ``<parameter>.<key>``."""
    return {
        f"{number}.{key}": value
        for number, parameter in enumerate(optimizer.param_groups[0]["params"])
        for key, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def unpack_optimizer(optimizer: torch.optim.Optimizer, packed: Mapping[str, Tensor]) -> None:
    """Put back what `pack_optimizer` named, in the memory layout of the parameters.

    Fused kernels walk parameters and state side by side in memory, so the layouts must agree.
    """
    parameters: list[nn.Parameter] = optimizer.param_groups[0]["params"]
    optimizer.state.clear()
    for name, value in packed.items():
        number, key = name.split(".")
        parameter = parameters[int(number)]
        if value.shape == parameter.shape:
            value = (
                torch.empty_like(parameter, memory_format=torch.preserve_format)
                .detach()
                .copy_(value)
            )
        else:
            value = value.to(parameter.device)
        optimizer.state[parameter][key] = value


def _at_epoch_end(manifest: Path) -> bool:
    return manifest.stem.endswith("-00000000")


def _read(manifest: Path) -> Checkpoint | None:
    """Read a checkpoint, or None if anything about it is wrong."""
    try:
        values = json.loads(manifest.read_bytes())
        content = manifest.with_suffix(".safetensors").read_bytes()
        if values.pop("sha256") != sha256(content).hexdigest():
            return None
        return Checkpoint(load(content), values)
    except (OSError, ValueError, KeyError, AttributeError):
        return None
