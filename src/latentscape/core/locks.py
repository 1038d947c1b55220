"""Locks of the kernel on open files: they end with the process that holds them, however it ends."""

import sys

if sys.platform != "win32":
    import fcntl


def take_lock(file: int) -> bool | None:
    """Take the lock of an open file, which goes when the file is closed.

    Parameters
    ----------
    file : int
        Its number.

    Returns
    -------
    bool or None
        Whether nobody else has it; None where the system or the file system has no locks.
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True
