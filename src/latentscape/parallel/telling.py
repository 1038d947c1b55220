"""What runs in processes of their own say of their progress, told to the process that waits."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from latentscape.core.progress import Listener, Stage

SAID_EVERY = 0.2
"""Seconds between two messages of a run."""

HEARD_EVERY = 0.05


class Said(NamedTuple):
    """What a run says of its progress: what it does and how much of it is done, or a note."""

    run: str
    detail: str = ""
    fraction: float = 0.0
    note: str = ""
    has_ended: bool = False


Message = Said | logging.LogRecord
"""What processes say or log."""


class Queue(Protocol):
    """A queue between processes: that of `multiprocessing`, or of a cluster."""

    def put(self, message: Message, /) -> None:
        """Say something."""

    def get(self) -> Message:
        """Hear the next, and wait for it."""

    def empty(self) -> bool:
        """Whether there is nothing to hear now."""


class Logging(logging.Handler):
    """Tells the parent of this process what is logged."""

    def __init__(self, said: Queue) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on as a text: what it is about need not be sent."""
        written = {"msg": record.getMessage(), "args": None, "exc_info": None}
        self._said.put(logging.makeLogRecord({**vars(record), **written}))


class Telling(Listener):
    """Tells the parent of this process what a run is doing."""

    def __init__(self, run: str, said: Queue) -> None:
        self._run, self._said, self._said_at = run, said, 0.0

    def on_begin(self, stage: Stage) -> None:
        """Tell it at once."""
        self._tell(stage)

    def on_advance(self, stage: Stage) -> None:
        """Tell it a few times a second."""
        if time.monotonic() - self._said_at > SAID_EVERY:
            self._tell(stage)

    def on_note(self, stage: Stage, text: str) -> None:
        """Pass it on."""
        self._said.put(Said(self._run, note=text))

    def end(self) -> None:
        """Tell that the run has ended."""
        self._said.put(Said(self._run, has_ended=True))

    def _tell(self, stage: Stage) -> None:
        self._said_at = time.monotonic()
        whole = stage
        while whole.parent is not None:
            whole = whole.parent
        if stage is whole and self._run in (stage.name, stage.detail):
            detail = stage.detail.removeprefix(self._run)
        else:
            detail = stage.text().removeprefix(f"{self._run}: ")
        self._said.put(Said(self._run, detail, whole.fraction() or 0.0))


@contextmanager
def passing_on(said: Queue, work: Stage, shares: Mapping[str, float]) -> Iterator[None]:
    """Make parts of a stage of what processes say, in a thread of its own."""
    ended = threading.Event()
    thread = threading.Thread(target=_pass_on, args=(said, work, shares, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=1)  # A process that was killed may have left half a message.


def _pass_on(said: Queue, work: Stage, shares: Mapping[str, float], ended: threading.Event) -> None:
    parts = dict[str, Stage]()
    for one in _messages(said, ended):
        if isinstance(one, logging.LogRecord):
            logging.getLogger(one.name).handle(one)
        elif one.note:
            work.note(one.note)
        elif one.has_ended:
            if one.run in parts:
                parts.pop(one.run).end()
        else:
            if one.run not in parts:
                share, listener = shares[one.run], work.listener
                part = Stage(one.run, 1.0, parent=work, share=share, listener=listener)
                parts[one.run] = part
                part.begin()
            parts[one.run].describe(one.detail)
            parts[one.run].advance_to(one.fraction)
    for part in parts.values():
        part.end()


def _messages(said: Queue, ended: threading.Event) -> Iterator[Message]:
    """Yield what is said until the work has ended, and nothing is left to be heard."""
    while not ended.wait(HEARD_EVERY) or not said.empty():
        while not said.empty():
            yield said.get()
