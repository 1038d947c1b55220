"""Device, precision and threads: what knows the machine, beside `latentscape.core.memory`."""

import ctypes
import math
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import ThreadpoolController

from latentscape.core.errors import ConfigError, unknown
from latentscape.core.memory import CONTAINER

DEVICES = ("auto", "cpu", "cuda", "mps")

_CPUINFO = Path("/proc/cpuinfo")
_QUOTA = CONTAINER / "cpu.max"

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""Processors with any of these multiply bfloat16 at least one and a half times as fast."""

# Numbers of settings in glibc's malloc.h: from how many free bytes at the top of the heap on it
# gives them back to the system, from what size on it takes a block straight from the system (which
# gets the block back when it is freed, and zeroes it before its next use), and how many such blocks
# there may be.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_KEEP_MEMORY = {_M_TRIM_THRESHOLD: 2**31 - 1, _M_MMAP_MAX: 0}
# By itself glibc raises the first two to 64 and 32 MB when such blocks are freed, but no longer
# after a setting was touched: at 128 KB, encoding after training would take nearly twice as long.
_RETURN_MEMORY = {_M_TRIM_THRESHOLD: 2**26, _M_MMAP_THRESHOLD: 2**25, _M_MMAP_MAX: 65536}


def choose_device(name: str = "auto") -> torch.device:
    """Choose where tensors live.

    Parameters
    ----------
    name : str
        ``auto`` takes CUDA, then Apple's MPS, then the CPU; or the name of a device.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ConfigError
        If the name is unknown or the machine has no such device.
    """
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if available[device])
    if name not in available:
        raise unknown("device", name, DEVICES, ConfigError)
    if not available[name]:
        names = ", ".join(device for device, present in available.items() if present)
        raise ConfigError(f"There is no {name} device here", fix=f"Choose from: auto, {names}.")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """Choose what the matrix products and convolutions of training are computed in.

    Parameters
    ----------
    name : str
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
    if name != "auto":
        return name
    if device.type == "cuda":
        return "tf32" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    if device.type == "cpu" and bfloat16_instructions():
        return "bfloat16"
    return "float32"


def bfloat16_instructions() -> list[str]:
    """Return the processor's instructions that multiply bfloat16, as Linux names them."""
    return sorted(_BFLOAT16_FLAGS.intersection(_cpuinfo("flags").split()))


def count_threads(threads: int | None = None) -> int:
    """Return on how many threads to compute.

    Parameters
    ----------
    threads : int, optional
        How many; by default as many as torch takes.

    Returns
    -------
    int
        No more than may run at once. Torch counts the cores that a process can see. A container may
        get fewer; then threads wait for a core, and all other threads wait for them.
    """
    return min(threads or torch.get_num_threads(), _cores_allowed())


@contextmanager
def training_on(
    precision: str, threads: int | None = None, *, keep_memory: bool = True
) -> Iterator[None]:
    """Set the process up for the steps of training, and put it back afterwards.

    Parameters
    ----------
    precision : str
        As `choose_precision` returns it.
    threads : int, optional
        As for `count_threads`.
    keep_memory : bool
        Whether freed memory stays with the process for the next step, where the C library can.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count_threads(threads))
    memory = _memory_kept() if keep_memory and keeps_memory() else nullcontext()
    try:
        with memory, _products("high" if precision == "tf32" else "highest"):
            yield
    finally:
        torch.set_num_threads(before)


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in full float32, without the shortcuts (TF32) that training may take."""
    with _products("highest"):
        yield


@contextmanager
def _products(precision: str) -> Iterator[None]:
    """Allow TF32 in products of float32 matrices and in convolutions (``high``), or forbid it.

    Either way cuDNN adds up in a fixed order, as all other operations of a step do: without that, a
    run that resumes on a GPU would come to other bits.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        allow_tf32 = precision != "highest"
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=allow_tf32):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def keeps_memory() -> bool:
    """Tell whether the C library can keep freed memory for what comes next; only glibc can."""
    return platform.libc_ver()[0] == "glibc"


@contextmanager
def _memory_kept() -> Iterator[None]:
    """Keep freed memory for what comes next, instead of giving it back to the system.

    When a step gives its memory back, the system fills it with zeros before the next step gets it,
    a page at a time: up to a fifth of a step of small networks. At the end all of it goes back.
    """
    libc = ctypes.CDLL(None)
    for setting, value in _KEEP_MEMORY.items():
        libc.mallopt(setting, value)
    try:
        yield
    finally:
        for setting, value in _RETURN_MEMORY.items():
            libc.mallopt(setting, value)
        libc.malloc_trim(0)


@contextmanager
def threads_restored() -> Iterator[None]:
    """Leave PyTorch with as many threads as before.

    Numba, which UMAP computes with, sets the threads of OpenMP for the whole process. A run that is
    trained afterwards would be slower, and would come to other bits.
    """
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on a single thread: the same bits on any machine, and no waiting of threads.

    For small networks and small matrices. A second thread gains them little, and slows them down
    many times where other programs keep it waiting.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with limited_threads(1, "blas"):  # What NumPy, SciPy and scikit-learn multiply with.
            yield
    finally:
        torch.set_num_threads(threads)


def limited_threads(threads: int | None, kind: str | None = None) -> AbstractContextManager[None]:
    """Limit the threads of the libraries that NumPy, SciPy and scikit-learn compute with.

    Parameters
    ----------
    threads : int or None
        How many, or as many as they have.
    kind : str, optional
        ``"blas"`` for products of matrices alone.
    """
    # Which they are is looked up again only once there may be more: it takes 20 ms.
    loaded = frozenset({"scipy.linalg", "sklearn"} & sys.modules.keys())
    limiter: AbstractContextManager[None] = _libraries(loaded).limit(limits=threads, user_api=kind)
    return limiter


@cache
def _libraries(loaded: frozenset[str]) -> ThreadpoolController:
    return ThreadpoolController()


def describe_machine(device: torch.device, threads: int | None = None) -> dict[str, str | int]:
    """Describe the machine, for the records of a run that computes on so many threads."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "platform": platform.platform(),
        "processor": gpu or _processor(),
        "cores": os.cpu_count() or 1,
        "threads": count_threads(threads),
        "device": device.type,
    }


def _cores_allowed() -> int:
    """Return how many cores' worth of time the container of this process may use, rounded up."""
    try:
        quota, period = _QUOTA.read_text().split()
        return math.ceil(float(quota) / float(period))
    except (OSError, ValueError):  # No container; or no limit, which Linux writes as "max".
        return os.cpu_count() or 1


def _processor() -> str:
    """Return the processor's model name; `platform.processor` is empty on most Linux systems."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


@cache
def _cpuinfo(name: str) -> str:
    """Return a field of Linux's description of the first processor; empty where it has none."""
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text(errors="replace").splitlines():
            if line.partition(":")[0].strip() == name:
                return line.partition(":")[2].strip()
    return ""
