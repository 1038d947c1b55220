"""Damaged files: whatever a library raises over one becomes an error in words."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from latentscape.core.errors import DataError, LatentscapeError

Errors = tuple[type[Exception], ...]


@contextmanager
def refusing_damage(
    origin: object, kind: str, errors: Errors, expected: str, fix: str = ""
) -> Iterator[None]:
    """Turn what a library raises over a damaged file into a `DataError`.

    Parameters
    ----------
    origin : object
        What is read, for the message: a path, or the place of an image in an archive.
    kind : str
        What it is read as, completing "cannot be read as".
    errors : tuple of exception types
        All that the library raises over damaged files.
    expected, fix : str
        As for `LatentscapeError`.
    """
    try:
        yield
    except LatentscapeError:  # It may be a ValueError too, but is in words already.
        raise
    except errors as error:
        if isinstance(error, FileNotFoundError) and not os.path.exists(str(origin)):
            raise DataError(f"There is no file {origin}", expected="a path that exists") from error
        # What the system says is told without its number and the path.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(
            f"{origin} cannot be read as {kind}: {reason}",
            expected=expected,
            fix=fix,
        ) from error
