"""Writing files whole or not at all."""

import csv
import errno
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from latentscape.core.errors import RunError


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name, flush it to disk, then rename it into place.

    Whatever goes wrong, the file that stood at `path` before still stands there whole.

    Parameters
    ----------
    path : Path
        Where the file shall stand. Missing parent folders are made.
    write : callable
        Called with the temporary path; writes the content.

    Raises
    ------
    RunError
        If the file cannot be written (full disk, no permission, a file where a folder should be).
    """
    # The suffix stays: some writers choose the format by it.
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


@contextmanager
def write_files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Give a folder to write files into, which are put in place once all of them are there.

    Whatever goes wrong while they are written, those that stood there before still stand. A kill
    between two renames leaves some of them new and some old, each whole.

    Parameters
    ----------
    folder : Path
        Where the files shall stand. Missing parent folders are made.
    names : sequence of str
        What is written under these names is kept.

    Raises
    ------
    RunError
        If something cannot be written, or a folder stands where a file should be.
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
def write_folder(path: Path) -> Iterator[Path]:
    """Give a folder to write into, which takes the place of `path` once all of it is there.

    A kill leaves the folder that stood there before, or none. That one is removed only once the new
    one stands.

    Raises
    ------
    RunError
        If something cannot be written.
    """
    building = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    old = path.with_name(f"{building.name}-old")
    try:
        yield building
        if path.exists():
            path.rename(old)
        building.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # Where nothing stood before, there is nothing to put back.
            if not path.exists():
                old.rename(path)
        shutil.rmtree(building, ignore_errors=True)


def cannot_write(path: Path, error: OSError) -> RunError:
    """Build the error for a path that cannot be written; to be raised by the caller."""
    full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    mend = "Free some space." if full else "Choose a folder that you may write to."
    got = f"{path} could not be written: {error.strerror or error}"
    return RunError(got, fix=f"{mend} What was there is not lost.")


def slug(text: str) -> str:
    """Turn a text into a name that is safe for files and directories."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:120] or "unnamed"


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to a file, whole or not at all; see `write_atomic`."""
    write_atomic(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write text to a file as UTF-8, whole or not at all; see `write_atomic`."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, indented for people, whole or not at all; see `write_atomic`."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a heading, whole or not at all; see `write_atomic`."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    write_text(path, text.getvalue())


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
