"""The memory that a call takes, measured in a process of its own.

`tracemalloc.stop` can crash a process in which other threads allocate, as those of pytest-xdist
and Arrow do. So that process traces until it ends.
"""

import atexit
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


def peak_memory(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> tuple[_T, int]:
    """Return what a function returns, and the largest number of bytes that Python held for it."""
    return _worker().submit(_measure, function, args, kwargs).result()


def _measure(function, args, kwargs):
    tracemalloc.start()
    function(*args, **kwargs)  # What is imported and cached when it is first called is not its own.
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    result = function(*args, **kwargs)
    return result, tracemalloc.get_traced_memory()[1] - before


def _import_readers() -> None:
    """Import what readers use: it is not their own memory."""
    for name in ("pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "latentscape.data"):
        import_module(name)


@cache
def _worker() -> ProcessPoolExecutor:
    worker = ProcessPoolExecutor(1, get_context("spawn"), _import_readers)
    atexit.register(worker.shutdown)
    return worker
