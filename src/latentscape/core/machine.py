"""What this machine is, what training makes of it, and how fast it multiplies."""

import os
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

import torch
import torch.nn.functional as F

from latentscape.core.runtime import (
    bfloat16_instructions,
    choose_device,
    choose_precision,
    count_threads,
    describe_machine,
    keeps_memory,
    synchronize,
)

_PACKAGES = ("latentscape", "torch", "numpy", "scikit-learn")
_SIZE = 1024
"""Rows and columns of the matrices that are multiplied."""


def info(device: str = "auto") -> dict[str, Any]:
    """Say what training would run on here, how, and why.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    dict
        ``versions``; ``machine``; ``training``: what was chosen, each with its reason;
        ``products``: see `measure_products`.

    Raises
    ------
    ConfigError
        If the device is not there.
    """
    chosen = choose_device(device)
    return {
        "versions": {"python": python_version(), **_versions()},
        "machine": describe_machine(chosen),
        "training": {
            "device": str(chosen),
            "precision": f"{choose_precision('auto', chosen)}: {_why_precision(chosen)}",
            "threads": _threads(),
            "layout": "channels innermost (N, H, W, C) for convolutions",
            "allocator": _allocator(),
            "steps": _steps(chosen),
        },
        "products": measure_products(chosen),
    }


def measure_products(device: torch.device, seconds: float = 0.2) -> dict[str, float]:
    """Time products of square matrices, the upper limit of whatever trains on this machine.

    Parameters
    ----------
    device : torch.device
        Where they are multiplied.
    seconds : float
        How long each precision is tried.

    Returns
    -------
    dict
        GFLOP/s in ``float32`` (on the CPU by the better of PyTorch's two libraries, MKL and oneDNN)
        and in ``bfloat16``.
    """
    drawn = torch.rand(2, _SIZE, _SIZE, generator=torch.Generator().manual_seed(0))
    one, other = drawn.to(device)
    low = one.bfloat16(), other.bfloat16()
    full: list[Callable[[], Any]] = [lambda: one @ other]
    if device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        blocked = one.to_mkldnn(), other.to_mkldnn()
        full.append(lambda: F.linear(*blocked))
    with torch.inference_mode():
        return {
            "float32": max(_rate(product, device, seconds) for product in full),
            "bfloat16": _rate(lambda: low[0] @ low[1], device, seconds),
        }


def _rate(product: Callable[[], Any], device: torch.device, seconds: float) -> float:
    """Return the GFLOP/s of the best of several rounds: other programs can only slow it down."""
    best, until = 0.0, time.perf_counter() + seconds
    product()
    while time.perf_counter() < until:
        synchronize(device)
        begun = time.perf_counter()
        for _ in range(10):
            product()
        synchronize(device)
        best = max(best, 10 * 2 * _SIZE**3 / (time.perf_counter() - begun) / 1e9)
    return best


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _why_precision(device: torch.device) -> str:
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"compute capability {major}.{minor}, which TensorFloat-32 needs to be 8.0 or more"
    if device.type == "mps":
        return "the only one that has been tried on Apple's GPUs"
    instructions = bfloat16_instructions()
    return f"the processor has {', '.join(instructions) or 'no instructions for bfloat16'}"


def _threads() -> str:
    cores, threads = os.cpu_count() or 1, count_threads()
    return f"{threads} of {cores} core{'s' if cores > 1 else ''}"


def _allocator() -> str:
    if keeps_memory():
        return "glibc; freed memory is kept while training"
    return "the system's own"


def _steps(device: torch.device) -> str:
    captured = {"cuda": "captured as a CUDA graph", "cpu": "noted once, operation by operation"}
    how = captured.get(device.type)
    return f"{how}, and replayed" if how else "not captured"
