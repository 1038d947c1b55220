"""Arrays in compressed files, of which no more is in memory than what is asked for."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from weakref import finalize

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.limits import check_data_memory

_PIECE = 1 << 20


class Streamed:
    """An array that is read from front to back; whoever goes back reads it from its start again.

    Parameters
    ----------
    begin : callable
        Opens the file at the first value.
    shape, dtype
        As of an array in NumPy, in C order.
    what : str
        The file, for messages.
    damage : tuple of type
        All that reading a damaged file raises.
    refuse : callable
        From one of these to an error in words.
    """

    def __init__(
        self,
        begin: Callable[[], BinaryIO],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        what: str,
        damage: tuple[type[Exception], ...],
        refuse: Callable[[Exception], DataError],
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self._begin, self._what = begin, what
        self._damage, self._refuse = damage, refuse
        self._file: BinaryIO | None = None
        self._close: Callable[[], object] = lambda: None
        self._row = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Array:
        """Read these rows, without a step between them."""
        start, stop, _ = rows.indices(len(self))
        stop = max(start, stop)
        check_data_memory(f"{stop - start:,} examples of {self._what}", self._bytes(stop - start))
        with self._in_words():
            file = self._at(start)
            values = np.empty((stop - start, *self.shape[1:]), self.dtype)
            left = values.reshape(-1).view(np.uint8).data if values.nbytes else memoryview(b"")
            while left:
                piece = self._piece(file, len(left))
                left[: len(piece)] = piece
                left = left[len(piece) :]
            self._row = stop
            if stop == len(self):  # Checksums are compared where a file ends.
                is_longer = bool(file.read(1))
                self._close()
                self._file = None
                if is_longer:
                    raise self._wrong_size("more")
        return values

    def _at(self, row: int) -> BinaryIO:
        """Return the file, once all in front of a row has been read."""
        if self._file is None or row < self._row:
            self._close()
            self._file, self._row = self._begin(), 0
            self._close = finalize(self, self._file.close)
        left = self._bytes(row - self._row)
        while left:
            left -= len(self._piece(self._file, left))
        return self._file

    def _piece(self, file: BinaryIO, size: int) -> bytes:
        piece = file.read(min(size, _PIECE))
        if not piece:
            raise self._wrong_size("fewer")
        return piece

    def _bytes(self, count: int) -> int:
        return count * math.prod(self.shape[1:]) * self.dtype.itemsize

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except DataError:  # A ValueError too, but already in words.
            raise
        except self._damage as error:
            raise self._refuse(error) from error

    def _wrong_size(self, compared: str) -> DataError:
        return DataError(
            f"{self._what} declares the sizes {self.shape} and holds {compared} values",
            expected=f"{math.prod(self.shape):,} values",
            fix="The file is truncated or damaged; copy or download it again.",
        )
