"""Ctrl-C, the end of a terminal and termination stop training, once it is saved."""

import signal
import threading
from types import FrameType
from typing import Any

from latentscape.training.hook import Hook, Training
from latentscape.training.workers import ALONE, Workers


class Signals(Hook):
    """Stops training at SIGINT, SIGTERM and SIGHUP; a second Ctrl-C does so at once.

    A SIGHUP that is ignored, as by ``nohup``, stays so. Python lets the main thread alone set
    handlers; in another thread nothing is heard. Of several workers the first one stops, whichever
    has received the signal; then it is over for all.

    Parameters
    ----------
    workers : Workers
        This one and the others.

    Attributes
    ----------
    received : bool
        Whether a signal came.
    """

    essential = True

    def __init__(self, workers: Workers = ALONE) -> None:
        self._workers = workers
        self.received = False
        self._before: dict[int, Any] = {}

    def on_start(self, training: Training) -> None:
        """Listen."""
        self._training = training
        if threading.current_thread() is not threading.main_thread():
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        hang_up = getattr(signal, "SIGHUP", None)  # Windows has none.
        if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
            numbers.append(hang_up)
        self._before = {number: signal.signal(number, self._receive) for number in numbers}

    def on_step(self, training: Training) -> None:
        """Stop where another worker was asked to."""
        if self._workers.conversation.asked_to_stop and self._workers.leads:
            self.received = True
            training.stop()

    def on_stop(self, training: Training) -> None:
        """Put back what listened before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = True
        if self._workers.leads:
            self._training.stop()
        else:
            self._workers.conversation.asked_to_stop = True
