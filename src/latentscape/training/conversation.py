"""What the first worker says to the others while they train: a step, a checkpoint, or the end.

Between steps the others wait for a word, and each says in the same exchange whether it was asked to
stop. Within a step they wait for numbers, and nothing can be said: if this worker fails there, they
notice that it is gone. So it is too once they have parted, because each has failed or one is lost.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from latentscape.core.errors import TrainingError
from latentscape.training.state import Diverged

STEP, CHECKPOINT, OVER = range(3)

Exchange = Callable[[Sequence[int]], list[int]]
"""From the numbers of this worker to the largest ones of all workers."""


class WorkerLost(TrainingError):
    """A worker has ended while others train with it."""


class Over(Exception):
    """Raised in a worker that follows, where the first one has ended training."""


@dataclass(frozen=True)
class Word:
    """What comes next.

    Attributes
    ----------
    kind : int
        `STEP`; `CHECKPOINT`: training goes on from one; `OVER`: it has ended.
    epoch, step : int
        Which checkpoint.
    """

    kind: int
    epoch: int = 0
    step: int = 0


class Conversation:
    """The exchanges of one worker with the others.

    Parameters
    ----------
    exchange : callable or None
        Reaches the others; None where there are none.

    Attributes
    ----------
    asked_to_stop : bool
        Whether one of the workers was asked to stop, by Ctrl-C say.
    """

    def __init__(self, exchange: Exchange | None) -> None:
        self.asked_to_stop = False
        self._exchange = exchange
        self._at: Literal["between steps", "within a step", "parted"] = "between steps"
        self._is_followed = False
        self._heard: Word | None = None

    @property
    def is_open(self) -> bool:
        """Whether the others are there to be told something."""
        return self._exchange is not None and self._at == "between steps"

    def part(self) -> None:
        """Note that nothing more can be said: all know of a failure, or one is lost."""
        self._at = "parted"

    def say(self, word: Word) -> None:
        """Say what comes next, as the first worker."""
        self._next(word)

    def hear(self) -> Word:
        """Hear what comes next, unless it was heard in place of a step already."""
        word, self._heard = self._heard or self._next(Word(STEP)), None
        return word

    @contextmanager
    def step(self) -> Iterator[None]:
        """Say, or hear, that there is a step, and take it.

        Raises
        ------
        Over
            If there is none.
        Diverged
            If training goes on from a checkpoint; which one, `hear` returns.
        """
        word = self._next(Word(STEP))
        if word.kind == OVER:
            raise Over
        if word.kind == CHECKPOINT:
            self._heard = word
            raise Diverged("The first worker goes on from a checkpoint")
        self._at = "within a step"
        yield
        self._at = "between steps"  # Not where it has failed.

    @contextmanager
    def leading(self) -> Iterator[None]:
        """Say in the end that training is over, however it ends, if somebody is there to hear.

        It is said once: at the end of the first of nested blocks.
        """
        self._is_followed = True
        try:
            yield
        except BaseException:
            with suppress(WorkerLost):  # What has failed here is the reason.
                self._end()
            raise
        self._end()

    def _end(self) -> None:
        if self._is_followed and self.is_open:
            self._is_followed = False
            self._next(Word(OVER))

    def _next(self, word: Word) -> Word:
        if self._exchange is None:
            return word
        # All others say 0, so that the largest is what the first one says.
        numbers = self._exchange([word.kind, word.epoch, word.step, self.asked_to_stop])
        kind, epoch, step, asked = numbers
        self.asked_to_stop |= bool(asked)
        return Word(kind, epoch, step)
