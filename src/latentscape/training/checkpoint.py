"""Checkpoints: all that an exact resume needs, covered by checksums.

The last two stay, and the one that a roll-back would return to.

A checkpoint is a file of tensors and, written after it, a manifest with everything that is not a
tensor, with the SHA-256 of the tensors, and with that of the manifest itself. A checkpoint without
a manifest was being written when the process died; one whose checksum differs is damaged. Neither
counts.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from latentscape.config import AUTOENCODER
from latentscape.core.errors import RunError
from latentscape.core.files import appears, write_bytes, write_json
from latentscape.core.findings import Json
from latentscape.model.own import apart
from latentscape.runs.reading import DAMAGE
from latentscape.training.optimizers import Optimizers
from latentscape.training.state import TrainState


@dataclass(frozen=True)
class Checkpoint:
    """What is saved.

    Attributes
    ----------
    groups : mapping of str to mapping of str to Tensor
        Tensors by what they belong to (``model``, ``optimizer``, ...) and by name.
    state : TrainState
        All the rest; its epoch and step place the checkpoint.
    identity : str
        That of settings, data and format.
    """

    groups: Mapping[str, Mapping[str, Tensor]]
    state: TrainState
    identity: str

    @property
    def is_sound(self) -> bool:
        """Whether it is the one that a roll-back would return to."""
        return (self.state.epoch, self.state.step) == (self.state.sound_epoch, 0)

    def check(self, identity: str, name: str) -> None:
        """Refuse a checkpoint of another recipe, data or version than the run of a name has."""
        if self.identity != identity:
            raise RunError(
                f"The checkpoints of {name} are of another recipe, or another version",
                fix="Put recipe.yaml back as it was, or train anew under another --name.",
            )


class MemoryCheckpoints:
    """The last checkpoint at an epoch's end, and the one that a roll-back returns to, in memory.

    Attributes
    ----------
    name : str
        What messages call the training.
    identity : str
        Names settings, data and format. A checkpoint of another identity is refused.
    """

    identity = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self._latest: Checkpoint | None = None
        self._sound: Checkpoint | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been saved."""
        return self._latest is None

    def save(self, checkpoint: Checkpoint) -> None:
        """Copy a checkpoint: on the CPU its tensors are those that training changes in place."""
        if checkpoint.state.step == 0:
            self._latest = deepcopy(checkpoint)
            if checkpoint.is_sound:
                self._sound = self._latest

    def latest(self) -> Checkpoint | None:
        """Return a copy, because training changes what it returns to in place."""
        return deepcopy(self._latest)

    def sound(self, epoch: int) -> Checkpoint | None:
        """Return a copy of the one to roll back to, which is that of the epoch."""
        return deepcopy(self._sound)


class CheckpointFolder:
    """The checkpoints of a run, in a folder; see `MemoryCheckpoints`.

    The folder need not exist before the first is saved. It is written in the context that `owned`
    returns.
    """

    def __init__(
        self,
        path: Path,
        owned: Callable[[], AbstractContextManager[None]] = nullcontext,
        name: str = "",
        identity: str = "",
    ) -> None:
        self.path, self._owned, self.name, self.identity = path, owned, name, identity

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove others but the last at an epoch's end and the sound one.

        A RunError if it may not or cannot be written; the earlier ones are still there then.
        """
        manifest = self._manifest(checkpoint.state.epoch, checkpoint.state.step)
        tensors = manifest.with_suffix(".safetensors")
        content = save(apart(_flat(checkpoint.groups)))
        with self._owned():
            for file in (tensors, manifest):
                if os.path.isdir(file):  # No file could take its place.
                    shutil.rmtree(file)
            # The manifest comes last: only a checkpoint that is whole has one.
            write_bytes(tensors, content)
            write_json(manifest, _manifest(checkpoint, content))
            self._remove_all_but(manifest, self._manifest(checkpoint.state.sound_epoch, 0))

    def _remove_all_but(self, newest: Path, sound: Path) -> None:
        """Remove every file but the newest checkpoint, the last epoch's before, and the sound one.

        What a roll-back has left behind goes, and files that a killed process left half-written.
        """
        earlier = [file for file in self._manifests() if file < newest and _at_epoch_end(file)]
        stems = {file.stem for file in [newest, sound, *earlier[-1:]]}
        for file in self.path.iterdir():
            if file.stem not in stems and not file.is_dir():
                file.unlink()

    def latest(self) -> Checkpoint | None:
        """Read the newest checkpoint that is not damaged.

        None where the folder holds no checkpoint; a RunError if there are some and all are damaged.
        """
        return self._first_whole(self._manifests()[::-1])

    def sound(self, epoch: int) -> Checkpoint | None:
        """Read the checkpoint of an epoch's end, or else one before it, or else the next.

        A version that did not know which epoch is sound has kept the last ones alone.
        """
        ends = [file for file in self._manifests() if _at_epoch_end(file)]
        sound = self._manifest(epoch, 0)
        return self._first_whole(
            [file for file in reversed(ends) if file <= sound] + [f for f in ends if f > sound]
        )

    def _first_whole(self, manifests: Sequence[Path]) -> Checkpoint | None:
        for manifest in manifests:
            checkpoint = _read(manifest)
            if checkpoint is not None:
                return checkpoint
        if manifests:
            raise RunError(
                f"Every checkpoint in {self.path} is damaged",
                fix="Delete that folder to train this run from its start.",
            )
        return None

    def at(self, epoch: int, step: int) -> Checkpoint:
        """Read the checkpoint that was saved after a step of an epoch.

        Raises
        ------
        RunError
            If it is not there, or damaged.
        """
        manifest = self._manifest(epoch, step)
        checkpoint = _read(manifest)
        if checkpoint is None:
            raise RunError(f"The checkpoint {manifest} is damaged")
        return checkpoint

    def checksum(self, epoch: int, step: int) -> str:
        """Return the SHA-256 of the checkpoint after a step, once another host sees it too.

        Raises
        ------
        RunError
            If it does not appear.
        """
        manifest = self._manifest(epoch, step)
        if not appears(manifest):
            raise RunError(f"There is no checkpoint {manifest}")
        return sha256(manifest.read_bytes()).hexdigest()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been saved."""
        return not self._manifests()

    def _manifest(self, epoch: int, step: int) -> Path:
        return self.path / f"{_stem(epoch, step)}.json"

    def _manifests(self) -> list[Path]:
        return sorted(file for file in self.path.glob("*.json") if not file.name.startswith("."))


CheckpointStore = MemoryCheckpoints | CheckpointFolder
"""Where checkpoints are kept."""


def pack_optimizers(optimizers: Optimizers) -> dict[str, Tensor]:
    """Name every tensor in the state of optimizers ``<player>.<parameter>.<key>``.

    The autoencoder's are named without its name, as they were when there was no other player.
    """
    return {
        f"{_prefix(player)}{number}.{key}": value
        for player, optimizer in optimizers.items()
        for number, parameter in enumerate(optimizer.param_groups[0]["params"])
        for key, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def unpack_optimizers(optimizers: Optimizers, packed: Mapping[str, Tensor]) -> None:
    """Put back what `pack_optimizers` named, in the memory layout of the parameters.

    Fused kernels walk through the memory of parameters and state side by side, so the layouts must
    agree. Files hold tensors in the usual layout.
    """
    for optimizer in optimizers.values():
        optimizer.state.clear()
    for name, value in packed.items():
        *player, number, key = name.split(".")
        optimizer = optimizers[player[0] if player else AUTOENCODER]
        parameter: nn.Parameter = optimizer.param_groups[0]["params"][int(number)]
        if value.shape == parameter.shape:
            like = torch.empty_like(parameter, memory_format=torch.preserve_format)
            value = like.detach().copy_(value)
        else:
            value = value.to(parameter.device)
        optimizer.state[parameter][key] = value


def _prefix(player: str) -> str:
    return "" if player == AUTOENCODER else f"{player}."


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


def _stem(epoch: int, step: int) -> str:
    """Name the files of a checkpoint after its place in training, so that they sort by it."""
    return f"{epoch:06d}-{step:08d}"


def _manifest(checkpoint: Checkpoint, tensors: bytes) -> Json:
    values = {
        **checkpoint.state.to_json(),
        "identity": checkpoint.identity,
        "tensors": sha256(tensors).hexdigest(),
    }
    return {**values, "sha256": _checksum(values)}


def _checksum(values: Json) -> str:
    """SHA-256 over all other values of a manifest."""
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _read(manifest: Path) -> Checkpoint | None:
    """Read a checkpoint; None if anything about it is wrong."""
    try:
        values = json.loads(manifest.read_bytes())
        content = manifest.with_suffix(".safetensors").read_bytes()
        stated = values.pop("sha256")
        # Up to 0.2.0 a manifest had the sum of its tensors and none of its own.
        if "tensors" in values and stated != _checksum(values):
            return None
        if values.pop("tensors", stated) != sha256(content).hexdigest():
            return None
        identity = str(values.pop("identity", ""))
        state = TrainState.of(values)
        groups = _grouped(load(content))
    except (SafetensorError, *DAMAGE):
        return None
    # What the sum of a manifest says today, its own numbers have to say up to 0.2.0.
    if _stem(state.epoch, state.step) != manifest.stem or len(state.history) != state.epoch:
        return None
    return Checkpoint(groups, state, identity)
