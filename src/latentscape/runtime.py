"""Device, precision and threads: the one place that knows the machine."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from latentscape.errors import ConfigError, unknown

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str = "auto") -> torch.device:
    """Choose where tensors live.

    Parameters
    ----------
    name : str
        ``auto`` takes CUDA, then Apple's MPS, then the CPU; or one of them by name.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ConfigError
        If the name is unknown or the device is not there.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if there[device])
    if name not in there:
        raise unknown("device", name, DEVICES, ConfigError)
    if not there[name]:
        available = ", ".join(device for device, present in there.items() if present)
        raise ConfigError(f"There is no {name} device here", fix=f"Choose from: auto, {available}.")
    return torch.device(name)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in full float32, whatever shortcuts (TF32, bfloat16) matrix products may take."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: the same bits however many there are, and no waiting for each other.

    For small networks and small matrices, from which a second thread gains little, and which it
    slows down many times where other programs keep it waiting.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, "blas"):  # What NumPy, SciPy and scikit-learn multiply with.
            yield
    finally:
        torch.set_num_threads(threads)


def describe_machine(device: torch.device) -> dict[str, str | int]:
    """Describe the machine, for the record of a run."""
    accelerator = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "platform": platform.platform(),
        "processor": accelerator or _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": device.type,
    }


def _processor() -> str:
    """Return the processor's model name; `platform.processor` is empty on most Linux systems."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
