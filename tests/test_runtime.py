import ctypes
import os
import subprocess
import sys

import pytest
import torch

from devices import needs_cuda
from latentscape.core import runtime
from latentscape.core.errors import ConfigError
from latentscape.core.runtime import (
    bfloat16_instructions,
    choose_device,
    choose_precision,
    count_threads,
    describe_machine,
    full_precision,
    training_on,
)

CPU = torch.device("cpu")


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    """Let the processor be another one."""
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(runtime, "_CPUINFO", file)
    runtime._cpuinfo.cache_clear()
    yield file
    runtime._cpuinfo.cache_clear()


def test_devices():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ConfigError, match="Did you mean 'cuda'"):
        choose_device("cud")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_an_absent_device_is_named():
    with pytest.raises(ConfigError, match="no cuda device here.*cpu"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("fpu avx512f avx512_bf16 sse", "bfloat16"),
        ("amx_bf16", "bfloat16"),
        ("fpu avx2 avx512f", "float32"),
    ],
)
def test_bfloat16_where_the_processor_multiplies_it(cpuinfo, flags, precision):
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: A: B\nflags\t\t: {flags}\n\nflags : no\n")
    assert choose_precision("auto", CPU) == precision
    assert bool(bfloat16_instructions()) == (precision == "bfloat16")
    assert describe_machine(CPU)["processor"] == "A: B"


def test_float32_where_nothing_is_known_of_the_processor(cpuinfo):
    assert choose_precision("auto", CPU) == "float32"
    assert choose_precision("auto", torch.device("mps")) == "float32"


def test_whoever_names_a_precision_gets_it(cpuinfo):
    assert choose_precision("bfloat16", CPU) == "bfloat16"
    assert choose_precision("float32", torch.device("cuda")) == "float32"


@needs_cuda
def test_tf32_on_cuda_devices_that_have_it():
    device = torch.device("cuda")
    expected = "tf32" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    assert choose_precision("auto", device) == expected


@pytest.mark.parametrize(
    ("quota", "threads"), [("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 64)]
)
def test_no_more_threads_than_a_container_may_run(tmp_path, monkeypatch, quota, threads):
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    monkeypatch.setattr(runtime, "_QUOTA", file)
    monkeypatch.setattr(runtime.os, "cpu_count", lambda: 64)
    assert count_threads(64) == threads
    assert count_threads(1) == 1


def test_training_changes_threads_and_products_and_puts_them_back():
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with training_on("tf32", threads=1):
        assert torch.get_num_threads() == 1
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.deterministic
        with full_precision():  # As validation is, within training.
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


@pytest.mark.skipif(not runtime.keeps_memory(), reason="the C library here is not glibc")
def test_memory_is_kept_while_training_and_given_back_after(monkeypatch):
    calls = []

    class Library:
        def __init__(self, name):
            self.libc = libc

        def mallopt(self, setting, value):
            calls.append((setting, value))
            return self.libc.mallopt(setting, value)

        def malloc_trim(self, pad):
            calls.append("trimmed")
            return self.libc.malloc_trim(pad)

    libc = ctypes.CDLL(None)
    monkeypatch.setattr(runtime.ctypes, "CDLL", Library)
    with training_on("float32"):
        assert calls == list(runtime._KEEP_MEMORY.items())
        calls.clear()
    assert calls == [*runtime._RETURN_MEMORY.items(), "trimmed"]
    calls.clear()
    with training_on("float32", keep_memory=False):
        pass
    assert calls == []


def test_the_machine_is_described():
    machine = describe_machine(CPU)
    assert machine["processor"]
    assert machine["threads"] >= 1


def test_umap_leaves_the_threads_of_pytorch_alone():
    """In a process of its own, which has no limit on the threads of Numba."""
    pytest.importorskip("umap")
    program = """
import numpy as np, torch
from latentscape.analyses.clusters.clusterers import umap_mixture
torch.set_num_threads(1)
umap_mixture(np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32), 2, 0)
assert torch.get_num_threads() == 1, torch.get_num_threads()
"""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", "PYTHONWARNINGS": "ignore"}
    environment.pop("OMP_NUM_THREADS", None)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
