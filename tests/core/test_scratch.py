"""Large arrays are files without a name, and small ones are arrays as ever."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from latentscape.core import scratch as module
from latentscape.core.errors import RunError
from latentscape.core.scratch import scratch, shared_folder, stacked


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the cache's folder; whatever is not tiny is kept there."""
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "MAX_RESIDENT", 1000)
    return tmp_path / "cache"


def is_mapped(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base is not None


def test_small_arrays_stay_in_memory(folder):
    assert not is_mapped(scratch((10, 10)))
    assert not folder.exists()


def test_large_arrays_are_files_that_leave_nothing_behind(folder):
    array = scratch((100, 10))
    array[:] = np.arange(1000, dtype=np.float32).reshape(100, 10)
    assert is_mapped(array)
    assert type(array) is np.ndarray
    assert torch.from_numpy(array).sum() == 499_500  # Without a warning: it can be written to.
    assert not list(folder.iterdir())


def test_parts_stand_one_below_the_other(folder):
    parts = [np.full((n, 20), n) for n in (30, 1, 60)]
    whole = stacked(iter(parts), (91, 20))
    assert is_mapped(whole)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_a_full_disk_is_an_error_that_says_what_to_do(folder, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RunError, match="No space left on device.*LATENTSCAPE_CACHE"):
        scratch((100, 10))
    assert not list(folder.iterdir())


def test_where_space_cannot_be_reserved_the_file_is_as_long(folder, monkeypatch):
    def unsupported(*args):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    array = scratch((100, 10))
    array[:] = 1
    assert array.sum() == 1000


LEAVING = """
import os
from latentscape.core.scratch import shared_folder
with shared_folder() as folder:
    (folder / "images").write_bytes(b"many")
    print(folder, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no locks that end with a process")
def test_what_a_killed_process_shared_goes_at_the_next_start_and_what_is_in_use_stays(folder):
    killed = subprocess.run([sys.executable, "-c", LEAVING], stdout=subprocess.PIPE, text=True)
    left = Path(killed.stdout.strip())
    assert (left / "images").exists()
    with shared_folder() as first:
        assert not left.exists()
        (first / "images").touch()
        with shared_folder() as second:
            assert (first / "images").exists()
        assert not second.exists()
    assert not list((folder / "shared").iterdir())
