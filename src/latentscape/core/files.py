"""Writing files whole or not at all."""

import csv
import errno
import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from latentscape.core.errors import RunError
from latentscape.core.urls import refuse_url


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name, flush it to disk, then rename it into place.

    Whatever fails, a file that was at `path` before is still there, whole.

    Parameters
    ----------
    path : Path
        Where the file is written. Missing parent folders are created.
    write : callable
        Called with the temporary path; writes the content.

    Raises
    ------
    RunError
        If the file cannot be written (full disk, no permission, a file where a folder should be).
    """
    refuse_url(path, "A file")
    # The suffix stays, because writers choose the format by it.
    temporary = path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        _flush_to_disk(temporary)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


SEEN_WITHIN = 30.0
"""Seconds until a host sees a file that another one has written to a folder of both."""


def appears(path: Path) -> bool:
    """Wait until a file is there that another host writes, and tell whether it is."""
    deadline = time.monotonic() + SEEN_WITHIN
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def write_files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Write several files into a temporary folder, then move all of them into place.

    If writing fails, the files that were in `folder` before are still there. A kill between two
    moves leaves some files new and some old, each whole.

    Parameters
    ----------
    folder : Path
        Where the files are moved to. Missing parent folders are created.
    names : sequence of str
        Names of the files. Others that are written are discarded.

    Yields
    ------
    Path
        The temporary folder.

    Raises
    ------
    RunError
        If a file cannot be written, or there is a folder in its place.
    """
    building = folder / f".new-{uuid4().hex[:8]}"
    for file in (folder / name for name in names):
        if os.path.isdir(file):
            raise cannot_write(file, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    try:
        building.mkdir(parents=True)
        yield building
        for name in names:
            _flush_to_disk(building / name)
        for name in names:
            (building / name).replace(folder / name)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextmanager
def write_folder(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Write into a temporary folder, then move it to `path`.

    The folder that was there before is removed last. A kill leaves the old folder, the new one, or
    none under this name.

    Parameters
    ----------
    path : Path
        Where the folder goes.
    replace : bool
        Whether it may replace one that is there and not empty.

    Yields
    ------
    Path
        The temporary folder, which the caller creates.

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    refuse_url(path, "A folder")
    building = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    old = path.with_name(f"{building.name}-old")
    try:
        yield building
        if replace and path.exists():
            path.rename(old)
        building.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # fails if there was no folder before, or it is already back
            if not path.exists():
                old.rename(path)
        shutil.rmtree(building, ignore_errors=True)


def set_aside(path: Path) -> Path:
    """Rename a folder to a hidden name beside it, at once and whole, and return that name.

    What was there is no longer at `path`, whatever becomes of the rest of its removal.

    Raises
    ------
    RunError
        If it cannot be renamed. It is as it was then.
    """
    hidden = path.with_name(f".{path.name}-{uuid4().hex[:8]}-removed")
    try:
        path.rename(hidden)
    except OSError as error:
        raise cannot_write(path, error) from error
    return hidden


def cannot_write(path: Path, error: OSError) -> RunError:
    """Build the error for a path that cannot be written; the caller raises it."""
    full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    fix = "Free some space." if full else "Choose a folder that you may write to."
    got = f"{path} could not be written: {error.strerror or error}"
    return RunError(got, fix=f"{fix} What was there is not lost.")


def slug(text: str) -> str:
    """Turn a text into a name that is safe for files and directories, of 120 bytes at most."""
    safe = re.sub(r"[^\w.-]+", "-", text).strip("-.")
    return safe.encode()[:120].decode(errors="ignore") or "unnamed"


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to a file, whole or not at all; see `write_atomic`."""
    write_atomic(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write text to a file as UTF-8, whole or not at all; see `write_atomic`."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, indented for people, whole or not at all; see `write_atomic`."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # What no UTF-8 can hold (a file name in another encoding) is escaped, and read as it was.
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a heading, whole or not at all; see `write_atomic`.

    Texts that a spreadsheet would run as a formula stand behind an apostrophe; see `harmless`.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_cell, row) for row in [columns, *rows])
    write_text(path, text.getvalue())


def _cell(value: object) -> object:
    """Return a cell; lines break by a newline, as a return alone would break the row."""
    return "\n".join(harmless(value).split("\r")) if isinstance(value, str) else value


def harmless(text: str) -> str:
    """Return the text of a cell, behind an apostrophe where a spreadsheet would run it.

    Spreadsheets take for a formula what begins with ``=``, ``+``, ``-``, ``@``, a tab or a return
    (OWASP, CSV injection). Numbers stay as they are.
    """
    if not text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
