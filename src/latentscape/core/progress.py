"""Progress: what a long work is doing, how much of it is done, and how long the rest will take.

Whatever may take longer than a moment says so: `stage` around one piece of work, `steps` around a
sequence of them. It knows nobody who looks on. Whoever does is a `Listener` that `listening` sets
from above: a display on the terminal, or a log. Without one nothing happens. What is computed never
depends on it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")

ALMOST = 0.95
"""Share of a step up to which time alone counts: the rest is known when it has ended."""


class Listener:
    """Hears of stages; here it does nothing."""

    def on_begin(self, stage: "Stage") -> None:
        """Hear that a stage has begun; its parent, if it has one, is going on."""

    def on_advance(self, stage: "Stage") -> None:
        """Hear that more of a stage is done, or that its detail is another."""

    def on_end(self, stage: "Stage") -> None:
        """Hear that a stage has ended, whether well or not."""

    def on_note(self, stage: "Stage", text: str) -> None:
        """Hear what people should read, whatever becomes of the stage."""


@dataclass(eq=False)
class Stage:
    """A piece of work that is being done; `listener` hears of all that changes.

    Attributes
    ----------
    name : str
        What is done: ``clustering``.
    total : float or None
        How much there is to do, in any unit; None where nobody knows.
    seconds : float or None
        How long an ordinary machine takes for all of it, roughly: what to expect at first.
    parent : Stage or None
        What it is a part of.
    share : float
        How much of its parent is done when it has ended, in the parent's unit.
    done : float
        How much is done.
    running : float
        How much more is done when what runs now has ended.
    number, count : int
        Which of how many steps that is; 0 of 0 where there are none.
    detail : str
        What runs now: ``UMAP + mixture on raw pixels``; or what is known by now: ``loss 0.12``.
    children : list of Stage
        Parts that run now; several where they run side by side.
    """

    name: str
    total: float | None = None
    seconds: float | None = None
    parent: "Stage | None" = None
    share: float = 0.0
    listener: Listener = field(default_factory=Listener)
    done: float = 0.0
    running: float = 0.0
    number: int = 0
    count: int = 0
    detail: str = ""
    children: "list[Stage]" = field(default_factory=list)
    _began: float = field(default_factory=lambda: time.monotonic())
    _advanced: float = 0.0
    _reached: float = 0.0
    _skipped: float = 0.0

    def __post_init__(self) -> None:
        self._advanced = self._began
        if self.total is None and self.seconds is not None:
            self.total = self.running = self.seconds

    def begin(self) -> None:
        """Say that it has begun."""
        if self.parent is not None:
            self.parent.children.append(self)
        self.listener.on_begin(self)

    def end(self) -> None:
        """Say that it has ended."""
        if self.parent is not None:
            self.parent.children.remove(self)
        self.listener.on_end(self)

    def advance(self, amount: float = 1.0) -> None:
        """Say that more is done."""
        self.advance_to(self.done + amount)

    def begin_at(self, done: float) -> None:
        """Say how much was done before, and takes no time now."""
        self.done = self._skipped = done

    def advance_to(self, done: float) -> None:
        """Say how much is done."""
        self.done, self._advanced = done, time.monotonic()
        self.listener.on_advance(self)

    def step(self, detail: str, amount: float = 1.0) -> None:
        """Say that the next step begins, and so the one before it has ended."""
        self.done, self.running, self._advanced = self.done + self.running, amount, time.monotonic()
        self.number += 1
        self.describe(detail)

    def describe(self, detail: str) -> None:
        """Say what runs now, or what is known by now."""
        self.detail = detail
        self.listener.on_advance(self)

    def note(self, text: str) -> None:
        """Say what people should read, whatever becomes of the stage."""
        self.listener.on_note(self, text)

    def elapsed(self) -> float:
        """Return the seconds since it began."""
        return time.monotonic() - self._began

    def fraction(self) -> float | None:
        """Return how much of it is done, 0 to 1, with what runs now; None where nobody knows."""
        if not self.total:
            return None
        reached = min(1.0, (self.done + self._under_way()) / self.total)
        self._reached = max(self._reached, reached)
        return self._reached

    def seconds_left(self) -> float | None:
        """Estimate how long the rest will take; None where nothing can be said yet."""
        fraction, elapsed = self.fraction(), self.elapsed()
        if not self.total or fraction is None:
            return None
        done = fraction * self.total - self._skipped
        if done <= 0 or not elapsed:
            return self.seconds
        return elapsed * (1 - fraction) * self.total / done

    def text(self) -> str:
        """Say in a line what is done: ``clustering: UMAP + mixture on raw pixels, 9 of 12``."""
        what = f"{self.name}: {self.detail}" if self.detail else self.name
        if not self.count:
            return what
        between = ", " if self.detail else " "
        return f"{what}{between}{self.number:,} of {self.count:,}"

    def _under_way(self) -> float:
        """Return how much of what runs now is done: what its parts say, or what time says."""
        known = [(child.share, child.fraction()) for child in self.children if child.share]
        parts = [share * fraction for share, fraction in known if fraction is not None]
        if parts:
            return sum(parts)
        if not self.running or not self.total:
            return 0.0
        taken = self._advanced - self._began
        done = self.done - self._skipped
        pace = taken / done if done > 0 else (self.seconds or 0.0) / self.total
        if not pace:
            return 0.0
        return min((time.monotonic() - self._advanced) / pace, ALMOST * self.running)


class _Scope(NamedTuple):
    """Who listens, and what the next stage is a part of."""

    listener: Listener | None = None
    stage: Stage | None = None


_NOBODY = _Scope()
_scope: ContextVar[_Scope] = ContextVar("progress", default=_NOBODY)


def is_heard() -> bool:
    """Whether somebody listens already."""
    return _scope.get().listener is not None


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a listener hear of all stages that begin within, and of no other."""
    before = _scope.get()
    _scope.set(_Scope(listener, None))
    try:
        yield
    finally:
        _scope.set(before)


@contextmanager
def stage(
    name: str, total: float | None = None, *, seconds: float | None = None, detail: str = ""
) -> Iterator[Stage]:
    """Say that a work is being done while a block runs.

    Parameters
    ----------
    name : str
        What is done, as it stands on a line: ``PCA of 3,600 images``.
    total : float, optional
        How much there is to do; `Stage.advance` says what is done.
    seconds : float, optional
        How long an ordinary machine takes, roughly, where that can be told before.
    detail : str
        More about it.

    Yields
    ------
    Stage
        What the work tells about itself.
    """
    scope = _scope.get()
    parent = scope.stage
    share = 0.0 if parent is None else parent.running
    listener = scope.listener or Listener()
    this = Stage(name, total, seconds, parent, share, listener, detail=detail)
    _scope.set(_Scope(scope.listener, this))
    this.begin()
    try:
        yield this
    finally:
        if _scope.get().stage is this:  # A generator that is left unfinished ends at any time.
            _scope.set(scope)
        this.end()


def steps(
    name: str,
    items: Sequence[_T],
    describe: Callable[[_T], str] = str,
    seconds: Callable[[_T], float] | None = None,
) -> Iterator[_T]:
    """Yield the items of a work one after the other, and say which of how many is being done.

    Parameters
    ----------
    name : str
        What is done.
    items : sequence
        Its steps.
    describe : callable
        From an item to what its step is called.
    seconds : callable, optional
        From an item to how long an ordinary machine takes for it, roughly: they weigh the steps,
        and say what to expect before the first has ended. By default all take equally long.
    """
    amounts = [1.0 if seconds is None else seconds(item) for item in items]
    expected = None if seconds is None else sum(amounts)
    with stage(name, sum(amounts), seconds=expected) as work:
        work.count = len(items)
        for item, amount in zip(items, amounts, strict=True):
            work.step(describe(item), amount)
            yield item
