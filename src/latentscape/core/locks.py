"""Locks of the kernel on open files: they end with the process that holds them, however it ends."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def take_lock(file: int, *, shared: bool = False) -> bool | None:
    """Take the lock of an open file, which goes when the file is closed.

    Parameters
    ----------
    file : int
        Its number.
    shared : bool
        Whether others may have it too, if they share it as well.

    Returns
    -------
    bool or None
        Whether it was free; None where the system or the file system has no locks.
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def is_file_at(path: Path, file: int) -> bool:
    """Whether an open file is still the one at a path: another may have taken its place."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except OSError:
        return False
