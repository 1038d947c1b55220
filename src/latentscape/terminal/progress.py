"""What a long work is doing, on standard error: live rows on a terminal, a few lines elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from latentscape.core.progress import Listener, Stage, is_heard, listening

TICK = 0.2
"""Seconds between two looks at what is done."""

MOMENT = 0.4
"""Seconds that a work may take before it is shown on a terminal."""

FIRST_LINE, NEXT_LINE, SAME_LINE = 2.0, 3.0, 15.0
"""Seconds before the first line elsewhere; then before one that says more, or the same."""

MIN_NAME = 12
"""Characters that a name keeps where the room is short."""

SPINNER, PLAIN_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"


@contextmanager
def shown(quiet: bool = False) -> Iterator[None]:
    """Show on standard error what is being done within, unless that is shown already.

    Parameters
    ----------
    quiet : bool
        Whether nothing is shown.
    """
    if quiet:
        with listening(Listener()):
            yield
    elif is_heard():
        yield
    else:
        console = Console(stderr=True)
        is_live = console.is_terminal and not console.is_dumb_terminal
        display = LiveRows(console) if is_live else PlainLines(console)
        with display, listening(display):
            yield


class Display(Listener):
    """Knows what is being done, and looks at it a few times a second in a thread of its own."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.works: list[Stage] = []
        self.lock = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.works.clear()
        self.rest()

    def on_begin(self, stage: Stage) -> None:
        """Keep a work that is no part of another."""
        with self.lock:
            if stage.parent is None:
                self.works.append(stage)

    def on_end(self, stage: Stage) -> None:
        """Forget it, and clean up after the last one."""
        with self.lock:
            if stage in self.works:
                self.works.remove(stage)
            if not self.works:
                self.rest()

    def look(self) -> None:
        """Show what is being done."""
        raise NotImplementedError

    def rest(self) -> None:
        """Remove what is shown: nothing is being done."""

    def _watch(self) -> None:
        while not self._ended.wait(TICK):
            # A terminal that is gone ends no work.
            with self.lock, suppress(OSError, ValueError):
                self.look()


class LiveRows(Display):
    """A row for each work and its parts, which are drawn anew in place and vanish at the end."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live: Live | None = None

    def on_note(self, stage: Stage, text: str) -> None:
        """Print it above the rows."""
        with self.lock:
            self.console.print(Text(text))

    def look(self) -> None:
        """Draw the rows, if it takes longer than a moment."""
        if not self.works or self.works[0].elapsed() < MOMENT:
            return
        rows = Group(*rows_of(self.works, self.console))
        if self._live is None:
            # What is printed may go elsewhere: through the console it would come out on this one.
            self._live = Live(
                rows,
                console=self.console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(rows, refresh=True)

    def rest(self) -> None:
        """Erase the rows."""
        with self.lock:
            live, self._live = self._live, None
            if live is not None:
                live.stop()


class PlainLines(Display):
    """A line every few seconds, for logs and pipes; each is written at once, and none is glued."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._lines: dict[tuple[Stage, int], tuple[float, str]] = {}

    def on_note(self, stage: Stage, text: str) -> None:
        """Write it."""
        self._write(text)

    def look(self) -> None:
        """Write a line for each work, or for each of those that it does side by side."""
        now = time.monotonic()
        for work in self.works:
            for place, part in enumerate(list(work.children) or [work]):
                leaf = _innermost(part)
                text = leaf.text()
                seen, before = self._lines.get((work, place), (now - work.elapsed(), ""))
                wait = FIRST_LINE if not before else NEXT_LINE if text != before else SAME_LINE
                if now - seen >= wait:
                    self._lines[work, place] = now, text
                    self._write(_line(work, leaf))

    def rest(self) -> None:
        """Forget what was written of works that have ended."""
        self._lines.clear()

    def _write(self, line: str) -> None:
        with self.lock, suppress(OSError, ValueError):
            self.console.file.write(f"{line}\n")
            self.console.file.flush()


def rows_of(works: list[Stage], console: Console) -> list[Text]:
    """Write works and their parts as rows of equal columns that fit the terminal.

    Bar, share done and time left are always there; names and details are cut where they must be.
    """
    stages = [pair for work in works for pair in _with_depth(work, 0)][: console.height - 1]
    width, is_wide = console.width, console.width >= 60
    times = [_time(stage, in_words=is_wide) for stage, _ in stages]
    bar_width = 20 if width >= 100 else 10 if is_wide else 6 if width >= 40 else 3
    time_width = max(map(len, times))
    room = max(4, width - 10 - bar_width - time_width)
    is_ascii = not console.encoding.startswith("utf")
    return [
        _row(stage, depth, room, bar_width, f"{left:>{time_width}}", is_ascii)
        for (stage, depth), left in zip(stages, times, strict=True)
    ]


def _row(stage: Stage, depth: int, room: int, bar_width: int, left: str, is_ascii: bool) -> Text:
    fraction, spinner = stage.fraction(), PLAIN_SPINNER if is_ascii else SPINNER
    frame = spinner[int(time.monotonic() / TICK) % len(spinner)] if not stage.children else " "
    text = set_cell_size("  " * depth + _fitted(stage, room - 2 * depth, is_ascii), room)
    share = "    " if fraction is None else f"{100 * fraction:3.0f}%"
    done, ahead = ("#", "-") if is_ascii else ("━", "─")
    if fraction is None:  # A dot that moves: nobody knows how far it is.
        filled, start = 1, int(time.monotonic() / TICK) % bar_width
    else:
        filled, start = round(fraction * bar_width), 0
    bar = ahead * start + done * filled + ahead * (bar_width - start - filled)
    return Text.assemble(
        f"{frame} ", (text, "bold" if not depth else ""), " ", (bar, "cyan"), f" {share} {left}"
    )


def _fitted(stage: Stage, room: int, is_ascii: bool) -> str:
    """Say what is done in so many characters.

    The name is cut first, then what comes after it, and last the number of the step.
    """
    whole, name = stage.text(), stage.name
    dots = "..." if is_ascii else "…"
    excess = cell_len(whole) - room
    if excess > 0 and cell_len(name) > MIN_NAME:
        keep = max(MIN_NAME, cell_len(name) - excess)
        whole = _cut(name, keep, dots) + whole[len(name) :]
    number = whole[whole.rindex(",") :] if stage.count and stage.detail else ""
    if room < cell_len(number) + 2 * MIN_NAME:
        number = ""
    head = whole.removesuffix(number)
    return _cut(head, room - cell_len(number), dots) + number


def _cut(text: str, room: int, dots: str) -> str:
    return text if cell_len(text) <= room else set_cell_size(text, room - len(dots)) + dots


def _line(work: Stage, leaf: Stage) -> str:
    left = _time(leaf, in_words=True, in_all=False)
    line = f"{leaf.text()}{f', {left}' if left else ''}"
    if leaf is work:
        return line
    return f"{line} ({', '.join(filter(None, [work.text(), _time(work, in_words=True)]))})"


def _time(stage: Stage, *, in_words: bool, in_all: bool = True) -> str:
    """Write how long it will take; or how long it has taken, where nobody knows that."""
    left = stage.seconds_left()
    if left is None:
        return rough(stage.elapsed())
    words = " left in all" if in_all and stage.children and stage.parent is None else " left"
    return rough(left) + words * in_words


def rough(seconds: float) -> str:
    """Write a span of time in its largest unit: ``25 s``, ``3 min``, ``2 h``, ``3 d``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _with_depth(stage: Stage, depth: int) -> Iterator[tuple[Stage, int]]:
    yield stage, depth
    for child in list(stage.children):
        yield from _with_depth(child, depth + 1)


def _innermost(stage: Stage) -> Stage:
    while children := list(stage.children):  # Another thread may end a part meanwhile.
        stage = children[0]
    return stage
