"""What this machine is, how training would use it, and how fast it multiplies."""

import os
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from math import inf
from platform import python_version
from typing import Any

import torch
import torch.nn.functional as F

from latentscape.core.extras import install
from latentscape.core.findings import Json
from latentscape.core.progress import stage
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
"""Rows and columns of the matrices whose products are timed."""


def info(device: str = "auto") -> Json:
    """Describe what training would run on here, how, and why.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    dict
        ``versions``; ``machine``; ``places``: where work can run; ``training``: each choice with
        its reason; ``products``: see `measure_products`.

    Raises
    ------
    ConfigError
        If the machine has no such device.
    """
    target = choose_device(device)
    return {
        "versions": {"python": python_version(), **_versions()},
        "machine": describe_machine(target),
        "places": _places(),
        "training": {
            "device": str(target),
            "precision": f"{choose_precision('auto', target)}: {_why_precision(target)}",
            "threads": _threads(),
            "layout": "channels innermost (N, H, W, C) for convolutions",
            "allocator": _allocator(),
            "steps": _steps(target),
        },
        "products": measure_products(target),
    }


@stage("matrix products", seconds=2.0)
def measure_products(device: torch.device, seconds: float = 0.2) -> dict[str, float]:
    """Time products of square matrices: no training on this machine is faster than they are.

    Parameters
    ----------
    device : torch.device
        Where to multiply.
    seconds : float
        Duration of the measurement in each precision.

    Returns
    -------
    dict
        GFLOP/s in ``float32`` (on the CPU by the better of PyTorch's two libraries, MKL and oneDNN)
        and in ``bfloat16``.
    """
    matrices = torch.rand(2, _SIZE, _SIZE, generator=torch.Generator().manual_seed(0))
    left, right = matrices.to(device)
    low_left, low_right = left.bfloat16(), right.bfloat16()
    products: list[Callable[[], Any]] = [lambda: left @ right]
    if device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        blocked = left.to_mkldnn(), right.to_mkldnn()
        products.append(lambda: F.linear(*blocked))
    with torch.inference_mode():
        return {
            "float32": max(_rate(product, device, seconds) for product in products),
            "bfloat16": _rate(lambda: low_left @ low_right, device, seconds),
        }


def _rate(product: Callable[[], Any], device: torch.device, seconds: float) -> float:
    """Return the GFLOP/s of the best of several rounds: other programs can only slow it down."""
    # The first one chooses kernels and allocates memory. Where products are slow, it is a round.
    count = max(1, min(10, int(seconds / _seconds(product, device, 1))))
    best, end = inf, time.perf_counter() + seconds
    while best == inf or time.perf_counter() < end:
        best = min(best, _seconds(product, device, count))
    return count * 2 * _SIZE**3 / best / 1e9


def _seconds(product: Callable[[], Any], device: torch.device, count: int) -> float:
    synchronize(device)
    begin = time.perf_counter()
    for _ in range(count):
        product()
    synchronize(device)
    return time.perf_counter() - begin


def _versions() -> dict[str, str]:
    return {package: _version(package) or "not installed" for package in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _places() -> dict[str, str]:
    """Say what there is for each place that work can run on (``--on``)."""
    gpus = torch.cuda.device_count()
    ray = _version("ray")
    return {
        "local": f"{count_threads()} cores, {gpus} CUDA devices",
        "ray": f"Ray {ray}" if ray else f"not installed: {install('ray')}",
    }


def _why_precision(device: torch.device) -> str:
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"compute capability {major}.{minor}, which TensorFloat-32 needs to be 8.0 or more"
    if device.type == "mps":
        return "no other has been tried on Apple's GPUs"
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
    captures = {"cuda": "captured as a CUDA graph", "cpu": "recorded once, operation by operation"}
    capture = captures.get(device.type)
    return f"{capture}, and replayed" if capture else "not captured"
