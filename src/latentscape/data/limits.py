"""What may be read into memory: files can declare, or unpack into, more than there is."""

from typing import BinaryIO

from latentscape.core.errors import DataError
from latentscape.core.memory import available_memory
from latentscape.core.units import memory_size

_SHARE = 0.8
"""Of the memory that is free, data may take so much."""

_PIECE = 1 << 20


FEWER = "Use smaller or fewer examples, or a machine with more memory."
"""What to do about data that are too large, unless more is known about them."""


def check_data_memory(what: str, n_bytes: float, fix: str = FEWER) -> None:
    """Refuse what would not fit into memory, before it is read.

    Parameters
    ----------
    what : str
        What it is, for the message.
    n_bytes : float
        How much it would take.
    fix : str
        What to do about it.

    Raises
    ------
    DataError
        If that is more than most of the memory that is free.
    """
    limit = _SHARE * available_memory()
    if n_bytes > limit:
        raise DataError(
            f"{what} would take {memory_size(n_bytes)} of memory",
            expected=f"at most {memory_size(limit)}, which is {_SHARE:.0%} of what is free",
            fix=fix,
        )


def read_within_memory(file: BinaryIO, what: str, limit: float | None = None) -> bytes:
    """Read a file from its place to its end, piece by piece.

    Parameters
    ----------
    file : binary file
        Perhaps one that is decompressed while it is read, so that its size is not known.
    what : str
        What it is, for the message.
    limit : float, optional
        No more than so many bytes are read, without an error.

    Raises
    ------
    DataError
        If it is larger than `check_data_memory` allows.
    """
    pieces, n_bytes = [], 0
    while (limit is None or n_bytes < limit) and (piece := file.read(_PIECE)):
        pieces.append(piece)
        n_bytes += len(piece)
        check_data_memory(f"What has been read of {what}", 2 * n_bytes)  # joining doubles it
    return b"".join(pieces)
