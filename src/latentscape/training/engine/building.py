"""The kernels' way into this process: compiled once, kept in the cache, compared bit by bit."""

import ctypes
import os
import platform
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from latentscape.core.cache import KERNELS, cache_folder
from latentscape.model.likelihoods import bernoulli_gradient, bernoulli_log_prob
from latentscape.training.engine.kernels import LANES, Kernels

_SOURCE = Path(__file__).with_name("kernels.c")

# No two operations may be contracted into one that rounds once. The threads of OpenMP have to be
# those of PyTorch, so its library is not linked: the process has it already.
_COMPILE = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
_COMPILE += ["-fopenmp", "-fPIC", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]
_LINK = ["-shared", f"-L{Path(torch.__file__).parent / 'lib'}", "-l:libtorch_cpu.so", "-lm"]
_SECONDS = 60.0
"""After which a compiler is given up."""


@cache
def load_kernels() -> Kernels | None:
    """Return the kernels, compiled now if need be; None where they cannot be had."""
    if platform.system() != "Linux" or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return None
    with suppress(OSError, subprocess.SubprocessError, AttributeError):
        kernels = Kernels(ctypes.CDLL(str(_compiled())))
        return kernels if _are_exact(kernels) else None
    return None


def _compiled() -> Path:
    """Return the library, from the cache if it is there.

    Users may share a cache. So each has a folder there, and loads nothing that another could write.
    """
    parts = (_SOURCE.read_text(), *_COMPILE, torch.__version__)
    name = sha256("\n".join(parts).encode()).hexdigest()[:16]
    library = cache_folder() / f"{KERNELS}-{os.getuid()}" / f"{name}.so"
    if not library.exists():
        _compile_into(library)
    for path in (library.parent, library):
        status = path.lstat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise PermissionError(f"Others could have put code of theirs at {path}")
    return library


def _compile_into(library: Path) -> None:
    library.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=library.parent) as folder:
        objects, linked = Path(folder) / "kernels.o", Path(folder) / "kernels.so"
        _run("cc", *_COMPILE, "-c", str(_SOURCE), "-o", str(objects))
        _run("cc", str(objects), *_LINK, "-o", str(linked))
        linked.chmod(0o500)
        os.replace(linked, library)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)


def _are_exact(kernels: Kernels) -> bool:
    """Compare the bits of the kernels with those of PyTorch, on numbers of many sizes."""
    source = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        scales = torch.randn(shape, generator=source).mul_(4).exp_()
        return torch.randn(shape, generator=source) * scales

    with torch.no_grad():
        tries = (_adam_is_exact, _bernoulli_is_exact, _pooling_is_exact)
        return all(is_exact(kernels, drawn) for is_exact in tries)


def _adam_is_exact(kernels: Kernels, drawn: Callable[..., Tensor]) -> bool:
    rate, step = torch.tensor(1e-3, dtype=torch.float64), torch.tensor(2.0)
    weight, gradient, mean, square = drawn(4, 64 * LANES)
    gradient, square = gradient.bfloat16(), square.abs_()
    others = [value.clone() for value in (weight, mean, square, step)]
    moved, *state = [[other] for other in others]
    kernels.adam(moved, state, (0.9, 0.999, 1e-8))(rate, [gradient])
    torch._fused_adam_(
        [weight],
        [gradient.float()],
        [mean],
        [square],
        [],
        [step.add_(1)],
        lr=rate,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        weight_decay=0.0,
        amsgrad=False,
        maximize=False,
    )
    rounded = torch.empty_like(weight, dtype=torch.bfloat16)
    kernels.rounding([weight], [rounded])()
    values = (weight, mean, square, step)
    return torch.equal(rounded, weight.bfloat16()) and all(map(torch.equal, others, values))


def _bernoulli_is_exact(kernels: Kernels, drawn: Callable[..., Tensor]) -> bool:
    images = torch.sigmoid(drawn(4 * LANES, LANES))
    logits, factors = drawn(1, *images.shape), drawn(1, len(images))
    return all(
        torch.equal(ours(values, *others), theirs(values, *others))
        for values in (logits, logits.bfloat16())
        for ours, theirs, others in (
            (kernels.bernoulli_log_prob, bernoulli_log_prob, (images,)),
            (kernels.bernoulli_gradient, bernoulli_gradient, (images, factors)),
        )
    )


def _pooling_is_exact(kernels: Kernels, drawn: Callable[..., Tensor]) -> bool:
    squares = ([2, 2], [2, 2], [0, 0], [1, 1])
    for dtype in (torch.float32, torch.bfloat16):
        maps, gradient = (
            drawn(2, 2 * LANES, *size).to(dtype, memory_format=torch.channels_last)
            for size in ((4, 6), (2, 3))
        )
        values, index = torch.ops.aten.max_pool2d_with_indices(maps, *squares)
        pulled = torch.ops.aten.max_pool2d_with_indices_backward(
            gradient, maps, *squares, False, index
        )
        pooled, places = kernels.max_pool(maps)
        if not (
            torch.equal(pooled, values)
            and torch.equal(kernels.max_pool_gradient(gradient, places), pulled)
        ):
            return False
    return True
