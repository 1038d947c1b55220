"""One owner at a time: a lock is held while the directory of a run or a study is written.

The lock is the kernel's (``flock``, over NFS too), on the file ``.lock`` in the directory. So it
moves with the directory, and ends with the process that holds it, however that ends. What stands in
the file tells others who holds it. The file goes when the lock is released.
"""

import errno
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from latentscape.core.errors import RunError
from latentscape.core.files import cannot_write
from latentscape.core.findings import Record, to_json
from latentscape.core.locks import is_file_at, take_lock
from latentscape.runs.reading import DAMAGE

if sys.platform != "win32":
    import fcntl

PATIENCE = 30.0
"""Seconds that a process waits for another one that only writes some files."""

Work = Literal["trained", "compared", "analysed", "written", "removed"]
"""What happens to a directory while it is owned. Writing is short, and is waited for."""


class Holder(Record):
    """What a lock file says of the process that holds the lock."""

    process: int
    host: str
    since: str
    work: Work


class _Held(threading.local):
    """The locks of a thread: the directory to the open file."""

    def __init__(self) -> None:
        self.files: dict[Path, int] = {}


_held = _Held()


@contextmanager
def owning(path: Path, work: Work) -> Iterator[None]:
    """Own the directory of a run or a study, so that nobody else writes into it meanwhile.

    A thread that owns it already goes on.

    Parameters
    ----------
    path : Path
        The directory.
    work : str
        What is done to it, which others are told.

    Raises
    ------
    RunError
        If another process owns it; if it was moved or removed; if it cannot be written to.
    """
    key = Path(os.path.realpath(path))
    if key in _held.files:
        if not is_file_at(_lock_file(path), _held.files[key]):
            raise moved(path)
        with _blaming_moves(path, _held.files[key]):
            yield
        return
    _held.files[key] = _acquire(path, work)
    try:
        with _blaming_moves(path, _held.files[key]):
            yield
    finally:
        _release(path, _held.files.pop(key))


def holder_of(path: Path) -> Holder | None:
    """Return who owns the directory of a run or a study now; None where nobody does."""
    try:
        file = os.open(_lock_file(path), os.O_RDONLY)
    except OSError:
        return None
    try:
        holder = _read(file)
        if holder is None or (holder.host == platform.node() and not _runs(holder.process)):
            return None
        return None if _is_free(file) else holder
    finally:
        os.close(file)


def moved(path: Path) -> RunError:
    """Build the error for a directory that is gone; the caller raises it."""
    return RunError(
        f"{path} was moved or removed since this process opened it",
        fix="Nothing more was written. Give the command again for the place where it is now.",
    )


@contextmanager
def _blaming_moves(path: Path, file: int) -> Iterator[None]:
    """Where files fail because their directory is gone, say that it is."""
    try:
        yield
    except (OSError, RunError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or is_file_at(_lock_file(path), file):
            raise
        raise moved(path) from error


def _acquire(path: Path, work: Work) -> int:
    """Return the open lock file, once its lock is this thread's."""
    deadline, pause = time.monotonic() + PATIENCE, 0.001
    while True:
        file = _open(path)
        if _lock(file):
            # Its owner may have removed the file, or the directory, since it was opened.
            if is_file_at(_lock_file(path), file):
                _describe(file, work)
                return file
            os.close(file)
            continue
        holder = _read(file)
        os.close(file)
        is_short = holder is None or holder.work == "written"
        if not is_short or time.monotonic() > deadline:
            raise _owned_by(path, holder)
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def _release(path: Path, file: int) -> None:
    with suppress(OSError):
        if is_file_at(_lock_file(path), file):
            _lock_file(path).unlink()
    os.close(file)


def _lock_file(path: Path) -> Path:
    return path / ".lock"


def _open(path: Path) -> int:
    try:
        return os.open(_lock_file(path), os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
        raise (moved(path) if gone else cannot_write(path, error)) from error


def _lock(file: int) -> bool:
    """Take the lock of an open file; return whether it was free."""
    taken = take_lock(file)
    if taken is None:  # Go by what the file says; the identity of a run is checked too.
        return sys.platform == "win32" or not _is_alive(_read(file))
    return taken


def _describe(file: int, work: Work) -> None:
    """Write who holds the lock; on a full disk it is held all the same."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    holder = Holder(process=os.getpid(), host=platform.node(), since=since, work=work)
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, json.dumps(to_json(holder)).encode())


def _read(file: int) -> Holder | None:
    """Return who holds the lock; None where that is just being written."""
    try:
        os.lseek(file, 0, os.SEEK_SET)
        return Holder.model_validate(json.loads(os.read(file, 4096)))
    except DAMAGE:
        return None


def _is_free(file: int) -> bool:
    """Whether nobody holds the lock of an open file.

    A moment's shared lock tells. It is tried only where the named holder may run: who takes the
    lock meanwhile would be told of that one.
    """
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # It is held, or the file system has no locks.
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


def _is_alive(holder: Holder | None) -> bool:
    """Whether a holder is another process of this machine that still runs."""
    if holder is None or holder.host != platform.node() or holder.process == os.getpid():
        return False
    return _runs(holder.process)


def _runs(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    if sys.platform == "win32":  # There, signal 0 would end it.
        return True
    try:
        os.kill(process, 0)
    except PermissionError:  # It runs, and is another user's.
        return True
    except OSError:
        return False
    return True


def _owned_by(path: Path, holder: Holder | None) -> RunError:
    if holder is None:
        return RunError(f"{path} is being written by another process", fix="Try again later.")
    host = "" if holder.host == platform.node() else f" on {holder.host}"
    return RunError(
        f"{path} is being {holder.work} by process {holder.process}{host} since {holder.since}",
        fix="Wait until that has ended, or end it first.",
    )
