"""A file's content, unpacked where it is gzipped and checked where its hash is known."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from latentscape.core.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error)


def read_payload(path: Path) -> bytes:
    """Read a whole file, decompressed if it is gzipped (whatever its name says).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        The decompressed content.

    Raises
    ------
    DataError
        If the file cannot be read, or its gzip stream is damaged.
    """
    try:
        return unpack(path.read_bytes(), str(path))
    except OSError as error:
        raise unreadable(path, error) from error


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read it bit by bit, decompressed as by `read_payload`.

    Parameters
    ----------
    path : Path
        The file.

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
            packed = file.peek(2).startswith(_GZIP_MAGIC)
            yield io.BufferedReader(gzip.GzipFile(fileobj=file)) if packed else file
    except _GZIP_DAMAGE as error:
        raise _damaged(str(path), error) from error
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DataError:
    """Build the error for a file or folder that the system does not let us read."""
    return DataError(
        f"{path} cannot be read: {error.strerror or error}",
        expected="a file that exists and that you may read",
    )


def unpack(content: bytes, origin: str) -> bytes:
    """Decompress content if it is gzipped.

    Parameters
    ----------
    content : bytes
        What a file holds.
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
    except _GZIP_DAMAGE as error:
        raise _damaged(origin, error) from error


def verify(payload: bytes, sha256: str, origin: str) -> None:
    """Refuse content that is not what it should be.

    Parameters
    ----------
    payload : bytes
        Decompressed content: an archive may have been recompressed, what is in it may not differ.
    sha256 : str
        The hash it must have, in hexadecimal.
    origin : str
        Where it came from, for the message.

    Raises
    ------
    DataError
        Naming both hashes, if they differ.
    """
    found = hashlib.sha256(payload).hexdigest()
    if found != sha256:
        raise DataError(
            f"The decompressed content of {origin} has the SHA-256 {found}",
            expected=sha256,
            fix="Remove or replace that file; give its path to use it as your own data.",
        )


def _damaged(origin: str, error: Exception) -> DataError:
    return DataError(
        f"{origin} is a truncated or damaged gzip file ({error})",
        expected="a whole one",
        fix="Copy or download it again.",
    )
