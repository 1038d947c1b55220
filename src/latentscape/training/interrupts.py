"""Ctrl-C, the end of a terminal and termination, heard at the end of a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Remembers that a signal asked training to stop, so that it can save itself first.

    Attributes
    ----------
    received : bool
        Whether one did.
    """

    def __init__(self) -> None:
        self.received = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to SIGINT, SIGTERM and SIGHUP; a second Ctrl-C stops at once.

        Signals that are ignored, as ``nohup`` ignores SIGHUP, stay so. Python lets the main thread
        alone set handlers; in another thread nothing is heard.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP"):  # Windows has none.
            numbers.append(signal.SIGHUP)
        before = {
            number: signal.signal(number, self._receive)
            for number in numbers
            if signal.getsignal(number) != signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = True
