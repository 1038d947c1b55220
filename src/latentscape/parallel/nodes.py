"""What a node of a cluster sees: it has to be what the process sees that gives it work."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import torch

from latentscape.core.errors import ConfigError, LatentscapeError, RunError
from latentscape.core.records import Array


class Seeable(Protocol):
    """Examples that a node may see: those of a store, or of a source that it opens itself."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all of them, or of one."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: list[int], /) -> Array: ...


@dataclass(frozen=True)
class Seen:
    """What a node sees.

    Attributes
    ----------
    versions : tuple of str
        Of what decides results.
    has_mark : bool
        Whether a file is there that this process has just written.
    sums : tuple of str
        Of some examples of each store.
    """

    versions: tuple[str, ...]
    has_mark: bool
    sums: tuple[str, ...]


def look(directory: str, mark: Path | None, stores: Sequence[Seeable]) -> Seen:
    """Look at versions, at a file, and at examples."""
    enter(directory)
    versions = f"Latentscape {version('latentscape')}", f"PyTorch {torch.__version__}"
    return Seen(versions, mark is None or mark.exists(), tuple(map(_sum, stores)))


def _sum(store: Seeable) -> str:
    """Return a sum of what is first, in the middle and last: quick, and different for others."""
    places = [0, len(store) // 2, len(store) - 1]
    return sha256(repr(store.shape).encode() + store[places].tobytes()).hexdigest()


def try_to_look(
    directory: str, mark: Path | None, stores: Sequence[Seeable]
) -> Seen | LatentscapeError:
    """Look, on a node; return what stands in the way."""
    try:
        return look(directory, mark, stores)
    except LatentscapeError as error:
        return error
    except OSError as error:
        return RunError(str(error))


def compare_seen(node: str, own: Seen, seen: Seen, folder: Path | None) -> None:
    """Refuse a node, by its address, that sees something else than this process.

    Raises
    ------
    ConfigError, RunError
        Which says what.
    """
    for ours, theirs in zip(own.versions, seen.versions, strict=True):
        if ours != theirs:
            raise ConfigError(
                f"Node {node} of the cluster has {theirs}, and this process {ours}",
                expected="the same version on all nodes: others give other results",
            )
    if not seen.has_mark:
        raise RunError(
            f"Node {node} of the cluster does not see {folder}",
            expected="a folder that all nodes see at the same path",
            fix="Give --runs such a folder, on NFS or a volume that all nodes mount.",
        )
    if own.sums != seen.sums:
        raise RunError(
            f"Node {node} of the cluster sees other data than this process",
            expected="the same file at the same path on all nodes",
        )


def enter(directory: str) -> None:
    """Let relative paths mean in a work what they mean where it was asked for."""
    with suppress(OSError):  # Not there: then only absolute paths can be.
        os.chdir(directory)
