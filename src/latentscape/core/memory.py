"""How much memory is free, and refusing what would not fit."""

import math
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from latentscape.core.errors import ConfigError
from latentscape.core.units import memory_size

if TYPE_CHECKING:
    import torch

CONTAINER = Path("/sys/fs/cgroup")
"""What a container, or a group of processes, may use, as Linux shows it."""

_MEMINFO = Path("/proc/meminfo")
_GROUPS = Path("/proc/self/cgroup")
"""The groups that this process is in."""

_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By the folder of a version of cgroups (2 and 1): files of the limit and of what is used, and what
memory.stat calls files in memory, which give way."""


def check_memory(what: str, needed: float, fix: str, device: "torch.device | None" = None) -> None:
    """Refuse what needs more memory than is free, before any of it is taken.

    Parameters
    ----------
    what : str
        What needs it, to begin a sentence: ``"Training the recipe vae"``.
    needed : float
        Bytes, rather too few than too many.
    fix : str
        What makes it smaller, as a sentence.
    device : torch.device, optional
        Where; by default in main memory.

    Raises
    ------
    ConfigError
        With both numbers.
    """
    free = available_memory(device)
    if needed > free:
        raise ConfigError(
            f"{what} needs {memory_size(needed)} of memory",
            expected=f"no more than is free, {memory_size(free)}",
            fix=fix,
        )


def available_memory(device: "torch.device | None" = None) -> float:
    """Return the bytes of memory that are free without swapping; infinite where unknown.

    That of a CUDA device is its own, with what PyTorch keeps of it for this process and does not
    use; elsewhere a container may get less than the machine has.
    """
    if device is not None and device.type == "cuda":
        import torch

        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + kept)
    try:
        lines = dict(line.split(":") for line in _MEMINFO.read_text().splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError, IndexError):
        free = math.inf
    # Within a container its own group is the root. Elsewhere, the limits of all groups count.
    for version, names in _FILES.items():
        for group in _groups(version):
            free = _left_in(CONTAINER / version / group, *names, free)
    return free


def _left_in(group: Path, limit: str, used: str, files: str, free: float) -> float:
    """Return the bytes that a group may still take, if they are fewer than are free elsewhere."""
    try:
        allowed, taken = (float((group / name).read_text()) for name in (limit, used))
        if allowed - taken >= free:
            return free  # Only now: the next file takes ten times as long to read.
        lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return min(free, allowed - taken + float(lines[files]))
    except (OSError, ValueError, KeyError):  # No such group; or no limit, written as "max".
        return free


def _groups(controller: str) -> list[PurePosixPath]:
    """Return the group of this process, and those around it up to the root."""
    try:
        lines = [line.split(":", 2) for line in _GROUPS.read_text().splitlines()]
    except OSError:
        lines = []
    own = [PurePosixPath(path[1:]) for _, names, path in lines if controller in names.split(",")]
    around = (group for path in own for group in (path, *path.parents))
    return list(dict.fromkeys([PurePosixPath(), *around]))
