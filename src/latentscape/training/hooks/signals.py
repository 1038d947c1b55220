"""Ctrl-C, the end of a terminal and termination stop training, once it is saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from latentscape.training.hook import Hook, Training
from latentscape.training.workers import ALONE, Workers


@contextmanager
def hearing_signals(receive: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a function handle SIGINT, SIGTERM and SIGHUP while a block runs.

    A SIGHUP that is ignored, as by ``nohup``, stays so. Python lets the main thread alone set
    handlers; in another thread nothing is heard.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none.
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        numbers.append(hang_up)
    if threading.current_thread() is not threading.main_thread():
        numbers.clear()
    before = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Signals(Hook):
    """Stops training at the signals of `hearing_signals`; a second Ctrl-C does so at once.

    Of several workers the first one stops, whichever
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
        self._open = ExitStack()

    def on_start(self, training: Training) -> None:
        """Listen."""
        self._training = training
        self._open.enter_context(hearing_signals(self._receive))

    def on_step(self, training: Training) -> None:
        """Stop where another worker was asked to."""
        if self._workers.conversation.asked_to_stop and self._workers.leads:
            self.received = True
            training.stop()

    def on_stop(self, training: Training) -> None:
        """Put back what listened before."""
        self._open.close()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = True
        if self._workers.leads:
            self._training.stop()
        else:
            self._workers.conversation.asked_to_stop = True
