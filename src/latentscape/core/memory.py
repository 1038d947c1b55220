"""How much memory is free, and refusing what would not fit."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from latentscape.core.errors import ConfigError
from latentscape.core.units import memory_size

if TYPE_CHECKING:
    import torch

CONTAINER = Path("/sys/fs/cgroup")
"""What a container may use, as Linux (cgroup v2) shows it within."""

_MEMINFO = Path("/proc/meminfo")


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

    That of a CUDA device is its own; elsewhere a container may get less than the machine has.
    """
    if device is not None and device.type == "cuda":
        import torch

        return float(torch.cuda.mem_get_info(device)[0])
    try:
        lines = dict(line.split(":") for line in _MEMINFO.read_text().splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError, IndexError):
        free = math.inf
    return min(free, _memory_allowed())


def _memory_allowed() -> float:
    """Return the bytes that the container of this process may still take; infinite without one."""
    try:
        limit, used = (
            float((CONTAINER / f"memory.{name}").read_text()) for name in ("max", "current")
        )
        lines = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        return limit - used + float(lines["inactive_file"])  # Files in memory, which give way.
    except (OSError, ValueError, KeyError):  # No container; or no limit, written as "max".
        return math.inf
