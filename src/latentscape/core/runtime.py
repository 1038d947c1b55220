"""Device, precision, threads and allocator: the one place that knows the machine."""

import ctypes
import math
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from latentscape.core.errors import ConfigError, unknown

DEVICES = ("auto", "cpu", "cuda", "mps")

_CPUINFO = Path("/proc/cpuinfo")
_MEMINFO = Path("/proc/meminfo")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""Processors with one of these multiply bfloat16 at least one and a half times as fast."""

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Names of settings in glibc's malloc.h; what they are while training, and otherwise."""
_KEEPING = {_M_TRIM_THRESHOLD: 2**31 - 1, _M_MMAP_MAX: 0}
_GIVING_BACK = {_M_TRIM_THRESHOLD: 2**27, _M_MMAP_MAX: 65536}


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


def choose_precision(wanted: str, device: torch.device) -> str:
    """Choose what the matrix products and convolutions of training are computed in.

    Parameters
    ----------
    wanted : str
        ``train.precision`` of a recipe: ``float32``, ``bfloat16`` or ``auto``, which takes what is
        faster in hardware: bfloat16 on processors that multiply it, TensorFloat-32 on CUDA devices
        that have it.
    device : torch.device
        Where training takes place.

    Returns
    -------
    str
        ``float32``, ``tf32`` or ``bfloat16``.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "tf32" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    if device.type == "cpu" and bfloat16_instructions():
        return "bfloat16"
    return "float32"


def bfloat16_instructions() -> list[str]:
    """Return what the processor has to multiply bfloat16 with, in Linux's words."""
    return sorted(_BFLOAT16_FLAGS.intersection(_cpuinfo("flags").split()))


def count_threads(wanted: int | None = None) -> int:
    """Return on how many threads to compute.

    Parameters
    ----------
    wanted : int, optional
        How many; by default as many as torch takes.

    Returns
    -------
    int
        No more than may run at once. Torch counts the cores that a process can see. A container may
        get fewer, and threads that have to wait for a core make all others wait for them.
    """
    return min(wanted or torch.get_num_threads(), _cores_allowed())


@contextmanager
def training_on(precision: str, threads: int | None = None) -> Iterator[None]:
    """Set the process up for the steps of training, and put it back afterwards.

    Parameters
    ----------
    precision : str
        As `choose_precision` returns it.
    threads : int, optional
        As for `count_threads`.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count_threads(threads))
    try:
        with _memory_kept(), _products("high" if precision == "tf32" else "highest"):
            yield
    finally:
        torch.set_num_threads(before)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in full float32, whatever shortcuts (TF32, bfloat16) matrix products may take."""
    with _products("highest"):
        yield


@contextmanager
def _products(precision: str) -> Iterator[None]:
    """Let products of float32 matrices, and convolutions, be computed in TF32 (``high``) or not."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=precision != "highest"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def keeps_memory() -> bool:
    """Tell whether freed memory can be kept for what is computed next: with glibc alone."""
    return platform.libc_ver()[0] == "glibc"


@contextmanager
def _memory_kept() -> Iterator[None]:
    """Keep freed memory for what is computed next, instead of giving it back to the system.

    Where a step gives its memory back, the next one gets it filled with zeros, a page at a time:
    up to a fifth of a step of small networks. In the end all is given back.
    """
    if not keeps_memory():
        yield
        return
    libc = ctypes.CDLL(None)
    for setting, value in _KEEPING.items():
        libc.mallopt(setting, value)
    try:
        yield
    finally:
        for setting, value in _GIVING_BACK.items():
            libc.mallopt(setting, value)
        libc.malloc_trim(0)


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


def describe_machine(device: torch.device, threads: int | None = None) -> dict[str, str | int]:
    """Describe the machine, for the record of a run on so many threads."""
    accelerator = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "platform": platform.platform(),
        "processor": accelerator or _processor(),
        "cores": os.cpu_count() or 1,
        "threads": count_threads(threads),
        "device": device.type,
    }


def available_memory() -> float:
    """Return how many bytes of memory can be had without swapping; infinite where nobody says."""
    try:
        lines = dict(line.split(":") for line in _MEMINFO.read_text().splitlines())
        return 1024.0 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError, IndexError):
        return math.inf


def _cores_allowed() -> int:
    """Return how many cores' worth of time the container of this process may use, rounded up."""
    try:
        quota, period = _QUOTA.read_text().split()
        return math.ceil(float(quota) / float(period))
    except (OSError, ValueError):  # There is no container, or no limit, which is "max".
        return os.cpu_count() or 1


def _processor() -> str:
    """Return the processor's model name; `platform.processor` is empty on most Linux systems."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


@cache
def _cpuinfo(name: str) -> str:
    """Return what Linux says of its first processor; empty where it says nothing."""
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text(errors="replace").splitlines():
            if line.partition(":")[0].strip() == name:
                return line.partition(":")[2].strip()
    return ""
