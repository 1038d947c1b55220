"""How the program ends: by a signal, or where nobody takes what it prints."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

CLOSED_PIPE = 1
"""Exit code where the reader of a pipe is gone, such as ``head``: that of Click and Rich."""

NOT_PRINTED = 2


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program as an exception does: temporary files are removed.

    Signals that are ignored (``nohup``) stay so. Training listens by itself, to save a checkpoint.
    """
    if threading.current_thread() is not threading.main_thread():  # Python allows it there alone.
        yield
        return
    names = ("SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    try:
        for number in numbers:
            signal.signal(number, _end)
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def printing() -> Iterator[None]:
    """Make sure that what was printed has arrived; else say so once, and exit with 2.

    Where the reader of a pipe is gone nobody wants to know, and the program ends in silence.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        sys.exit(CLOSED_PIPE)
    except OSError as error:
        if error.filename is not None:  # No stream has one.
            raise
        _forget_output()
        with suppress(OSError):
            print(f"Error: The output could not be written: {error.strerror}.", file=sys.stderr)
        sys.exit(NOT_PRINTED)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)  # As a shell says it.


def _forget_output() -> None:
    """Let what is still to be printed go nowhere: Python would try it again as it ends."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
            continue
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
