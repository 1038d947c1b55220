"""The content of files, decompressed where it is gzipped and verified where its hash is known."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from latentscape.core.errors import DataError
from latentscape.data.limits import read_within_memory

_GZIP_MAGIC = b"\x1f\x8b"
GZIP_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error)


def read_decompressed(path: Path) -> bytes:
    """Read a whole file, decompressed if it is gzipped (whatever its name says).

    Raises
    ------
    DataError
        If the file cannot be read, its gzip stream is damaged, or its content does not fit into
        memory.
    """
    with open_decompressed(path) as file:
        return read_within_memory(file, str(path))


@contextmanager
def open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read it piece by piece, decompressed as by `read_decompressed`.

    Yields
    ------
    binary file
        At its beginning.

    Raises
    ------
    DataError
        If the file cannot be read, or its gzip stream is damaged: while it is open, too.
    """
    try:
        with path.open("rb") as file:
            gzipped = file.peek(2).startswith(_GZIP_MAGIC)
            yield io.BufferedReader(gzip.GzipFile(fileobj=file)) if gzipped else file
    except GZIP_DAMAGE as error:
        raise damaged_gzip(str(path), error) from error
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DataError:
    """Build the error for a file or folder that the system does not let us read."""
    return DataError(
        f"{path} cannot be read: {error.strerror or error}",
        expected="a file that exists and that you may read",
    )


def decompress(content: bytes, origin: str) -> bytes:
    """Decompress content if it is gzipped.

    Parameters
    ----------
    content : bytes
        The content of a file.
    origin : str
        Where it came from, for the message.

    Raises
    ------
    DataError
        If the gzip stream is truncated or damaged.
    """
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except GZIP_DAMAGE as error:
        raise damaged_gzip(origin, error) from error


def verify(content: bytes, sha256: str, origin: str) -> None:
    """Refuse content whose hash is not the expected one.

    Parameters
    ----------
    content : bytes
        Decompressed: a file may be compressed again, as long as its content stays the same.
    sha256 : str
        The expected hash, in hexadecimal.
    origin : str
        Where the content came from, for the message.

    Raises
    ------
    DataError
        Naming both hashes, if they differ.
    """
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise DataError(
            f"The decompressed content of {origin} has the SHA-256 {actual}",
            expected=sha256,
            fix="Remove or replace that file; give its path to use it as your own data.",
        )


def damaged_gzip(origin: str, error: Exception) -> DataError:
    """Build the error for a file that cannot be decompressed."""
    return DataError(
        f"{origin} is a truncated or damaged gzip file ({error})",
        expected="a whole one",
        fix="Copy or download it again.",
    )
