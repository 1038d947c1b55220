"""Checkpoints: all that an exact resume needs, with checksums; the last two stay.

A checkpoint is a file of tensors and, written after it, a manifest with the file's SHA-256 and
everything that is not a tensor. A checkpoint without a manifest was being written when the process
died; one whose checksum differs is damaged. Neither counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from latentscape.core.errors import RunError
from latentscape.core.files import write_bytes, write_json
from latentscape.core.findings import Json


@dataclass(frozen=True)
class Checkpoint:
    """What is saved.

    Attributes
    ----------
    groups : mapping of str to mapping of str to Tensor
        Tensors by what they belong to (``model``, ``optimizer``, ...) and by name.
    values : mapping
        What JSON holds of the rest; ``epoch`` and ``step`` place the checkpoint.
    """

    groups: Mapping[str, Mapping[str, Tensor]]
    values: Json


class CheckpointFolder:
    """The checkpoints of a run.

    Parameters
    ----------
    path : Path
        The folder, which need not exist before the first is saved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove older ones but the last at the end of an epoch.

        Raises
        ------
        RunError
            If it cannot be written; the earlier ones are still there.
        """
        epoch, step = checkpoint.values["epoch"], checkpoint.values["step"]
        manifest = self.path / f"{epoch:06d}-{step:08d}.json"
        content = save(_flat(checkpoint.groups))
        # The manifest comes last: only a checkpoint that is whole has one.
        write_bytes(manifest.with_suffix(".safetensors"), content)
        write_json(manifest, {**checkpoint.values, "sha256": sha256(content).hexdigest()})
        self._remove_all_but(manifest)

    def _remove_all_but(self, newest: Path) -> None:
        """Remove every file but the newest checkpoint and the last one before, at an epoch's end.

        Roll-backs return to the latter. Files that a killed process left half-written go too.
        """
        earlier = [file for file in self._manifests() if file != newest and _at_epoch_end(file)]
        stems = {file.stem for file in [newest, *earlier[-1:]]}
        for file in self.path.iterdir():
            if file.stem not in stems:
                file.unlink()

    def latest(self, *, epoch_end: bool = False) -> Checkpoint | None:
        """Read the newest checkpoint that is not damaged.

        Parameters
        ----------
        epoch_end : bool
            Whether only checkpoints between two epochs count.

        Returns
        -------
        Checkpoint or None
            None where the folder holds no checkpoint.

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

    Fused kernels walk through the memory of parameters and state side by side, so the layouts must
    agree. Files hold tensors in the usual layout.
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


def _flat(groups: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Name every tensor ``<group>/<name>``, and bring it to the CPU in the usual layout."""
    return {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, tensors in groups.items()
        for name, tensor in tensors.items()
    }


def _grouped(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Undo `_flat`."""
    groups: dict[str, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        group, name = path.split("/", 1)
        groups.setdefault(group, {})[name] = tensor
    return groups


def _at_epoch_end(manifest: Path) -> bool:
    return manifest.stem.endswith("-00000000")


def _read(manifest: Path) -> Checkpoint | None:
    """Read a checkpoint; None if anything about it is wrong."""
    try:
        values = json.loads(manifest.read_bytes())
        content = manifest.with_suffix(".safetensors").read_bytes()
        if values.pop("sha256") != sha256(content).hexdigest():
            return None
        return Checkpoint(_grouped(load(content)), values)
    except (OSError, ValueError, KeyError, AttributeError):
        return None
