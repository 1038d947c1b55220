"""Random numbers: seeds for named purposes, generators, and the state of torch's global ones."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_GLOBAL_GENERATORS = threading.RLock()


def using_generators() -> threading.Condition:
    """Return a condition whose lock is that of torch's global generators.

    A thread that waits for it leaves the generators to others, even within `forked_random`: it has
    to put back what `random_state` returned before.
    """
    return threading.Condition(_GLOBAL_GENERATORS)


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Derive a seed for one purpose, so that no two uses of randomness share a stream.

    Parameters
    ----------
    seed : int
        The seed in the settings.
    *purpose : str or int
        What the random numbers are for, as in ``"batches", epoch``.

    Returns
    -------
    int
        63 bits, the same on every machine.
    """
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Make a CPU random generator for one purpose; see `derive_seed`."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


@contextmanager
def forked_random(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators of a device, and of the CPU, for a while, then restore them.

    The generators belong to the whole process, so threads that use them wait for each other.
    """
    cuda = [device] if device.type == "cuda" else []
    with _GLOBAL_GENERATORS, torch.random.fork_rng(devices=cuda):
        seed_generators(seed, device)  # Not those of other devices, which are not restored.
        yield


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed torch's global generators of a device, and of the CPU; see `forked_random`."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the state of the global generators, which dropout uses, as uint8 tensors by device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Restore the state that `random_state` returned."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    if device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])
